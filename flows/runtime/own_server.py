"""Prefect's temporary server of this process, which is started again where it was killed."""

import contextlib
import contextvars
import threading
from collections.abc import Iterator

_LOOK_EVERY_S = 1.0


@contextlib.contextmanager
def kept_alive() -> Iterator[None]:
    """Look after the temporary server, if there is one, while the block lasts.

    Without it no work is lost, but each of the flow's events waits seconds for a server that is gone, at the end too.
    """
    ended = threading.Event()
    context = contextvars.copy_context()  # with Prefect's settings
    keeper = threading.Thread(target=context.run, args=(_keep, ended), daemon=True, name="prefect-server")
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()


def _keep(ended: threading.Event) -> None:
    import httpx
    from prefect.server.api.server import SubprocessASGIServer

    while not ended.wait(_LOOK_EVERY_S):
        server = SubprocessASGIServer()  # the one of this process
        if server.server_process and server.server_process.poll() is not None:  # also one that was killed as it started
            server.running = False
            with contextlib.suppress(RuntimeError, httpx.HTTPError):  # tried again
                server.start()
