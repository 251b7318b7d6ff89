"""Where results come from: versions and machine."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_PACKAGES = (
    *("graft-mlip", "torch", "mace-torch", "e3nn", "ase", "gpaw", "gpaw-data", "matscipy", "prefect"),
    *("numpy", "scipy", "pydantic", "safetensors"),
)


def versions() -> dict[str, str]:
    """Return the versions of what decides the results; 'not installed' where a package is absent."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def machine() -> dict[str, Any]:
    """Return what the results were computed on."""
    return {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()}
