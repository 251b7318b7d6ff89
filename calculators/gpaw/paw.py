"""The PAW data sets that GPAW uses, found and read without importing GPAW."""

import functools
import gzip
import os
import re
from importlib.util import find_spec
from pathlib import Path

_SAME_AS = {"revPBE": "PBE", "RPBE": "PBE"}


def paw_setup(element: str, xc: str) -> Path | None:
    """Return the file of an element's PAW data set, or None if there is none."""
    folders = [Path(part) for part in os.environ.get("GPAW_SETUP_PATH", "").split(os.pathsep) if part]
    spec = find_spec("gpaw_data")
    if spec is not None and spec.submodule_search_locations:
        folders += [Path(part) for part in spec.submodule_search_locations]
    found = (next(folder.rglob(f"{element}.{_SAME_AS.get(xc, xc)}*"), None) for folder in folders)
    return next((path for path in found if path), None)


@functools.cache
def valence_electrons(element: str, xc: str) -> float:
    """Return the number of valence electrons of an element's PAW data set; 4 where it cannot be read."""
    path = paw_setup(element, xc)
    if path is None:
        return 4.0
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        stated = re.search(r'<atom [^>]*valence="([0-9.]+)"', file.read(4096))
    return float(stated.group(1)) if stated else 4.0
