"""Source committees shipped with Graft."""

from pathlib import Path

from al_core.config.base import nearest
from al_core.errors import ConfigError

_SHIPPED = Path(__file__).parents[2] / "assets" / "models"


def shipped_committees() -> list[str]:
    """Return the names of the committees shipped with Graft."""
    return sorted(path.name for path in _SHIPPED.glob("*") if path.is_dir())


def shipped_committee(name: str) -> Path:
    """Return the folder of a committee shipped with Graft.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in shipped_committees():
        raise ConfigError(f"no committee {name!r} is shipped{nearest(name, shipped_committees())}")
    return _SHIPPED / name
