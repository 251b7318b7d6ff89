"""What walkers come by, and what becomes of them; and the files it is kept in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms
from ase.io import write

from al_core.storage.files import atomic_path
from al_core.structures.datasets import read_structures


@dataclass(frozen=True)
class Frame:
    """A structure that a walker came by.

    Attributes:
        atoms: the structure, with its slice under ``config_type``.
        walker: its number.
        time_ps: when.
        expected: mean absolute error that is expected of its force components, eV/Å.
        worst: that of the worst atom, eV/Å.
    """

    atoms: Atoms
    walker: int
    time_ps: float
    expected: float
    worst: float


@dataclass(frozen=True)
class Journey:
    """What became of a walker.

    Attributes:
        phase: what it is a part of.
        temperature_K: of its bath.
        time_ps: how long it went.
        left: whether it left the window: the committee was too unsure.
        failure: why it was unphysical; '' where it was not.
    """

    phase: str
    temperature_K: float
    time_ps: float
    left: bool = False
    failure: str = ""


@dataclass(frozen=True)
class Explored:
    """What walkers came by, and what became of them.

    Attributes:
        frames: in the order of time; ``walker`` is the number in the round.
        journeys: one a walker.
    """

    frames: tuple[Frame, ...]
    journeys: tuple[Journey, ...]


def write_frames(path: Path, frames: Sequence[Frame]) -> None:
    """Write frames as extxyz: walker, time and expected errors are in ``info``."""
    structures = []
    for frame in frames:
        atoms: Atoms = frame.atoms.copy()
        atoms.info |= {
            "walker": frame.walker,
            "time_ps": frame.time_ps,
            "expected_eV_per_A": frame.expected,
            "worst_eV_per_A": frame.worst,
        }
        structures.append(atoms)
    with atomic_path(path) as temporary:
        write(temporary, structures, format="extxyz")


def read_frames(path: Path) -> list[Frame]:
    """Return the frames of a file that :func:`write_frames` wrote."""
    return [
        Frame(
            atoms,
            int(atoms.info["walker"]),
            float(atoms.info["time_ps"]),
            float(atoms.info["expected_eV_per_A"]),
            float(atoms.info["worst_eV_per_A"]),
        )
        for atoms in read_structures(path)
    ]
