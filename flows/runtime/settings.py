"""Prefect's settings, read before anything of Prefect that cannot be imported with wrong ones."""

import contextlib
import io
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from al_core.errors import ConfigError

if TYPE_CHECKING:
    from prefect.settings import Settings
    from pydantic import ValidationError

_FILES = ".env, prefect.toml, pyproject.toml or Prefect's profile"


def read_settings() -> "Settings":
    """Return the settings that Prefect has of the environment, its files and its profile.

    Raises:
        ConfigError: Prefect refuses one of them.
    """
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed):  # Prefect prints some errors, and goes on
        from prefect.settings import Settings
        from pydantic import ValidationError
        from pydantic_settings import SettingsError

        try:
            settings = Settings()
            if settings.profiles_path and settings.profiles_path.exists():
                tomllib.loads(settings.profiles_path.read_text())
        except ValidationError as error:
            raise ConfigError(_refused(error)) from error
        except SettingsError as error:
            raise ConfigError(_unreadable(error)) from error
        except tomllib.TOMLDecodeError as error:
            message = f"{settings.profiles_path} is not valid TOML: {error}; correct or delete it"
            raise ConfigError(message) from error
    sys.stderr.write(printed.getvalue())
    return settings


def without_password(url: str) -> str:
    """Return a URL as it may be shown."""
    scheme, mark, rest = url.partition("://")
    return scheme + mark + rest.rpartition("@")[2]


def _refused(error: "ValidationError") -> str:
    """Return which setting was refused, its value and what to do, in one line."""
    first = error.errors()[0]
    reason = first["msg"].removeprefix("Value error, ")
    if first["loc"]:
        of = next(one for one in _classes() if one.__name__ == error.title)
        variable, value = _variable(of, str(first["loc"][0])), str(first["input"])
    elif (url := _malformed_server()) is not None:
        variable, value = "PREFECT_API_URL", url
    else:
        return f"Prefect refuses its settings: {reason}; correct them in the environment, {_FILES}"
    return f"{variable} is {without_password(value)!r}: {reason}; {_what_to_do(variable)}"


def _unreadable(error: Exception) -> str:
    """Return which setting is not the JSON, or which file not the TOML, that it should be; its value may be secret."""
    named = re.search(r'field "(\w+)"', str(error))
    if not named:
        return f"{error}; correct it"
    variables = [_variable(one, named[1]) for one in _classes() if named[1] in one.model_fields]
    variable = next((name for name in variables if name in os.environ), variables[0])
    return f"{variable} is not valid JSON; {_what_to_do(variable)}"


def _what_to_do(variable: str) -> str:
    return "correct it, or unset it" if variable in os.environ else f"correct it in {_FILES}"


def _malformed_server() -> str | None:
    """Return the server's URL if it is none: Prefect finds this when all settings are read, and does not name it."""
    from prefect.settings.models.api import APISettings

    url = APISettings().url
    try:
        urlsplit(url or "")
    except ValueError:
        return url
    return None


def _variable(of: type[Any], field: str) -> str:
    """Return the environment variable of a field of a class of settings; of several names, one that is set."""
    found = of.model_fields.get(field)
    aliases = getattr(found.validation_alias, "choices", []) if found else []
    names = [f"{of.model_config['env_prefix']}{field}", *(name for name in aliases if isinstance(name, str))]
    variables = [name.upper() for name in names]
    return next((name for name in variables if name in os.environ), variables[0])


def _classes() -> Iterator[type[Any]]:
    """Return Prefect's classes of settings."""
    from prefect.settings.base import PrefectBaseSettings

    found: list[type[Any]] = [PrefectBaseSettings]
    while found:
        found += (one := found.pop()).__subclasses__()
        yield one
