"""Which Prefect server a ``graft`` command uses: a temporary one of its own, or the one that the environment names.

A command depends on no Prefect profile: that may name a server which is gone or switch the temporary one off. Only
``PREFECT_API_URL`` in the environment asks for another server.
"""

import os
import tempfile
from importlib.metadata import version
from pathlib import Path

from al_core.errors import ConfigError

_STARTED_BY = "start it with `prefect server start`, or unset PREFECT_API_URL: then each command runs one of its own"


def choose_server() -> None:
    """Set the environment that Prefect reads when it is imported.

    Raises:
        ConfigError: ``PREFECT_API_URL`` names a server that does not answer, or is of another version.
    """
    if url := os.environ.get("PREFECT_API_URL"):
        check_version(url)
        return
    home = _home()
    os.environ["PREFECT_HOME"] = str(home)
    os.environ["PREFECT_PROFILES_PATH"] = str(home / "no-profiles.toml")
    for name in ("PREFECT_PROFILE", "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"):
        os.environ.pop(name, None)
    os.environ["PREFECT_SERVER_EPHEMERAL_ENABLED"] = "true"


def check_version(url: str) -> None:
    """Check that a Prefect server answers and is of this process's version.

    Raises:
        ConfigError: it does not, or is not.
    """
    import httpx

    try:
        found = httpx.get(f"{url.rstrip('/')}/admin/version", timeout=10.0).raise_for_status().json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ConfigError(
            f"the Prefect server of PREFECT_API_URL={url} does not answer ({error}); {_STARTED_BY}"
        ) from error
    ours = version("prefect")
    if str(found).split(".")[:2] != ours.split(".")[:2]:
        raise ConfigError(
            f"the Prefect server of PREFECT_API_URL={url} has version {found}, this command has {ours}; "
            "use a server of the same version, or unset PREFECT_API_URL: then each command runs one of its own"
        )


def _home() -> Path:
    """Return the first folder that can be written: the user's Prefect home, Graft's cache, or a temporary one."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "graft" / "prefect"
    named = os.environ.get("PREFECT_HOME")
    for folder in (*([Path(named)] if named else []), cache):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="graft-prefect-"))
