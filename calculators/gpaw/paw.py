"""The PAW data sets that GPAW uses, found and read without importing GPAW."""

import functools
import gzip
import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from xml.etree import ElementTree as ET

import numpy as np

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
    with _opened(path) as file:
        stated = re.search(r'<atom [^>]*valence="([0-9.]+)"', file.read(4096))
    return float(stated.group(1)) if stated else 4.0


@dataclass(frozen=True)
class PartialWave:
    """A pseudo partial wave of a PAW data set that holds electrons of the free atom.

    Attributes:
        l: its angular momentum.
        electrons: how many it holds.
        radii: from the nucleus, Bohr, [n].
        values: of the radial function there, Bohr^-3/2, [n].
    """

    l: int  # noqa: E741 (the field's letter)
    electrons: float
    radii: np.ndarray
    values: np.ndarray


def partial_waves(element: str, xc: str) -> list[PartialWave]:
    """Return the occupied pseudo partial waves of an element's PAW data set; none where there is no such data set."""
    path = paw_setup(element, xc)
    if path is None:
        return []
    try:
        with _opened(path) as file:
            root = ET.parse(file).getroot()  # noqa: S314 (a file of this installation)
    except (ET.ParseError, UnicodeDecodeError):
        return []  # another kind of data set
    grids = {str(grid.get("id")): _radii(grid) for grid in root.iter("radial_grid")}
    values = {wave.get("state"): wave for wave in root.iter("pseudo_partial_wave")}
    found = []
    for state in root.iter("state"):
        electrons, wave = float(state.get("f", 0)), values.get(state.get("id"))
        if electrons and wave is not None:
            numbers = np.array((wave.text or "").split(), dtype=float)
            found.append(PartialWave(int(state.get("l", 0)), electrons, grids[str(wave.get("grid"))], numbers))
    return found


def _radii(grid: ET.Element) -> np.ndarray:
    """Return the points of one of the two radial grids that data sets come with."""
    i, a = np.arange(int(grid.get("istart", 0)), int(grid.get("iend", 0)) + 1), float(grid.get("a", 0))
    if grid.get("eq") == "r=a*i/(n-i)":
        return np.asarray(a * i / (int(grid.get("n", 0)) - i))
    return np.asarray(a * i / (1 - float(grid.get("b", 0)) * i))


def _opened(path: Path) -> IO[str]:
    return gzip.open(path, "rt") if path.suffix == ".gz" else path.open()
