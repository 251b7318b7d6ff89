"""Processes that end when the one they work for ends."""

import os
import threading
import time

_POLL_SECONDS = 1.0


def exit_with_parent() -> None:
    """End this process soon after its parent is gone, however the parent ended.

    A thread watches the parent's process id. (Linux can send a signal instead, but it does so already when the parent's
    *thread* ends, which is wrong for thread pools.)
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="exit-with-parent").start()
