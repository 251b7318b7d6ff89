"""What Prefect's own commands need in this project: the address of the local server, and a work pool.

Prefect calls :func:`setup_environment` before each command started in the checkout (``[tool.prefect.plugins]`` in
``pyproject.toml`` switches this on). Without it ``prefect deploy`` and ``prefect worker start`` need
``PREFECT_API_URL`` although a server runs on this machine, and ``prefect deploy --all`` refuses deployments whose work
pool is not there yet: it looks for the pool before it runs any build step.

Prefect's temporary server, which a flow starts where no other is set, would stay for ever when the process of the
flow is killed; here it ends with it.
"""

import logging
import os
import sys
from pathlib import Path

from prefect.plugins import HookContext, SetupResult, register_hook

from al_core.storage.processes import exit_with_parent

WORK_POOL = "graft"  # as in prefect.yaml


@register_hook
async def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    """Point Prefect's commands at the local server, if one runs, and make the work pool before ``prefect deploy``.

    A ``PREFECT_API_URL`` that is set, in the environment or a profile, is left as it is.
    """
    if os.environ.get("PREFECT__SERVER_EPHEMERAL") and (owner := os.environ.get("GRAFT_PROCESS")):
        end_with(int(owner))
        logging.getLogger("sqlalchemy").setLevel(logging.CRITICAL)  # prints tracebacks when the server is stopped
    command = prefect_command(sys.orig_argv)
    if command is None:
        return None
    api_url = ctx.api_url or local_server_url()
    if command == "deploy":
        if api_url is None:
            ctx.logger_factory("graft").warning("No Prefect server runs here; start one with `prefect server start`")
            return None
        if await make_work_pool(api_url):
            ctx.logger_factory("graft").info("Made the work pool %r", WORK_POOL)
    return None if ctx.api_url or api_url is None else SetupResult(env={"PREFECT_API_URL": api_url})


def end_with(owner: int) -> None:
    """End this temporary server with its owner, also one that is gone already.

    A server whose parent is another process, which only inherited the owner's environment, is not the owner's.
    """
    if os.getppid() == owner or not _runs(owner):
        exit_with_parent(owner)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def prefect_command(argv: list[str]) -> str | None:
    """Return the command of a ``prefect COMMAND ...`` line, '' if it names none, None if it is another program."""
    words = [Path(word).name for word in argv]
    if "prefect" not in words:
        return None
    return next((word for word in words[words.index("prefect") + 1 :] if not word.startswith("-")), "")


def local_server_url() -> str | None:
    """Return the API URL of the server that ``prefect server start`` starts here by default, None if none answers."""
    import httpx
    from prefect.settings import get_current_settings

    server = get_current_settings().server.api
    url = f"http://{server.host}:{server.port}/api"
    try:
        # a proxy set in the environment knows nothing of this machine
        return url if httpx.get(f"{url}/health", timeout=1.0, trust_env=False).is_success else None
    except httpx.HTTPError:
        return None


async def make_work_pool(api_url: str) -> bool:
    """Make the work pool of type ``process`` on a server; return False if it was there already."""
    from prefect import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.settings import PREFECT_API_URL, temporary_settings
    from prefect.workers.process import ProcessWorker

    pool = WorkPoolCreate(
        name=WORK_POOL,
        type=ProcessWorker.type,
        # `prefect work-pool create` asks the internet for this template; it is the same one
        base_job_template=ProcessWorker.get_default_base_job_template(),
    )
    with temporary_settings({PREFECT_API_URL: api_url}):
        async with get_client() as client:
            try:
                await client.create_work_pool(pool)
            except ObjectAlreadyExists:
                return False
    return True
