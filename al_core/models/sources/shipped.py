"""Source committees shipped with Graft."""

from pathlib import Path

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
        raise ConfigError(f"no committee {name!r} is shipped (there are: {', '.join(shipped_committees()) or 'none'})")
    return _SHIPPED / name
