"""Which Prefect server a ``graft`` command uses: a temporary one of its own, or one that it was asked to use.

A command depends on no Prefect profile: that may name a server which is gone or switch the temporary one off. Another
server is asked for by ``PREFECT_API_URL`` in the environment, or by a file of Prefect's in the current folder
(``.env``, ``prefect.toml``, ``pyproject.toml``).
"""

import os
import tempfile
from importlib.metadata import version
from pathlib import Path

from al_core.errors import ConfigError
from flows.runtime.settings import read_settings, without_password

_OR_NONE = "or name no server (unset PREFECT_API_URL): then each command starts one of its own"


def choose_server() -> str | None:
    """Set the environment that Prefect reads when it is imported; return the URL of the server that is asked for.

    Raises:
        ConfigError: a server is asked for that does not answer, or is of another version; or a setting is refused.
    """
    leave_profile()
    return _checked_server()


def leave_profile() -> None:
    """Let Prefect start temporary servers, whatever the user's profile says, unless a server is asked for."""
    if not os.environ.get("PREFECT_API_URL"):
        home = _home()
        os.environ["PREFECT_HOME"] = str(home)
        os.environ["PREFECT_PROFILES_PATH"] = str(home / "no-profiles.toml")
        for name in ("PREFECT_PROFILE", "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"):
            os.environ.pop(name, None)
        os.environ["PREFECT_SERVER_EPHEMERAL_ENABLED"] = "true"


def _checked_server() -> str | None:
    """Return the URL, without credentials, of a server that is asked for, answers and is of this version.

    Prefect's own client asks it, with the key or password that Prefect has for it.
    """
    settings = read_settings().api
    if settings.url is None:
        return None
    import httpx
    from prefect.client.base import ServerType
    from prefect.client.orchestration import SyncPrefectClient

    shown = without_password(settings.url)
    key = settings.key.get_secret_value() if settings.key else None
    password = settings.auth_string.get_secret_value() if settings.auth_string else None
    try:
        with SyncPrefectClient(settings.url, api_key=key, auth_string=password) as client:
            if client.server_type is ServerType.CLOUD:
                return shown  # it serves every version, and tells none
            found = str(client.api_version())
    except httpx.HTTPStatusError as error:
        status = f"{error.response.status_code} {error.response.reason_phrase}"
        raise ConfigError(
            f"the Prefect server {shown} refuses the request ({status}); set PREFECT_API_AUTH_STRING or "
            f"PREFECT_API_KEY if it asks for one, {_OR_NONE}"
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ConfigError(
            f"the Prefect server {shown} does not answer ({error}); start it with `prefect server start`, {_OR_NONE}"
        ) from error
    ours = version("prefect")
    if found.split(".")[:2] != ours.split(".")[:2]:
        raise ConfigError(
            f"the Prefect server {shown} has version {found}, this command has {ours}; "
            f"use a server of the same version, {_OR_NONE}"
        )
    return shown


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
