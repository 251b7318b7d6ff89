"""What tells that a label cannot be right, although nothing failed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import spglib
from ase import Atoms
from spglib.error import SpglibError

from al_core.structures.checks import closest_distance
from al_core.types import Label

_TOO_FAST = 0.02  # of the expected cost
_NET_FORCE = 0.005  # eV/Å per atom; of the 140 labels shipped first the largest is 0.0003
_ASYMMETRY = 0.005  # eV/Å
_LARGEST_FORCE = 50.0  # eV/Å; as large are those of an exploded trajectory, and no model learns from them
_SYMPREC = 1e-5  # Å
_SPGLIB = threading.Lock()  # its error handling is of the whole process


def too_large(atoms: Atoms, label: Label) -> str:
    """Return why a label is of no use although it may be right, or ''."""
    largest = float(np.abs(label.forces).max())
    if largest <= _LARGEST_FORCE:
        return ""
    return (
        f"a force of {largest:.0f} eV/Å, more than {_LARGEST_FORCE:g}: atoms are too close, the shortest distance is "
        f"{closest_distance(atoms):.2f} Å"
    )


def failed_check(atoms: Atoms, label: Label, expected_core_seconds: float) -> str:
    """Return why a label cannot be trusted, or ''.

    Args:
        atoms: the structure.
        label: with ``scf_steps`` in its provenance.
        expected_core_seconds: rough cost of such a label.
    """
    net = float(np.linalg.norm(label.forces.sum(axis=0)) / len(label.forces))
    if label.provenance["scf_steps"] < 1:
        return "not one step towards self-consistency was made"
    if label.core_seconds < _TOO_FAST * expected_core_seconds:
        return f"it took {label.core_seconds:.2g} core-seconds, of {expected_core_seconds:.2g} expected"
    if net > _NET_FORCE:
        return f"its net force is {1e3 * net:.1f} meV/Å per atom, more than {1e3 * _NET_FORCE:g}"
    if (broken := asymmetry(atoms, label.forces)) > _ASYMMETRY:
        return f"its forces break the structure's symmetry by {1e3 * broken:.1f} meV/Å, more than {1e3 * _ASYMMETRY:g}"
    return ""


@contextmanager
def _spglib_raises() -> Iterator[None]:
    """Let spglib raise its errors for a while; until 3.0 the default is to warn and return None."""
    with _SPGLIB:
        before, spglib.error.OLD_ERROR_HANDLING = spglib.error.OLD_ERROR_HANDLING, False
        try:
            yield
        finally:
            spglib.error.OLD_ERROR_HANDLING = before


def asymmetry(atoms: Atoms, forces: np.ndarray) -> float:
    """Return the largest change of a force component under the symmetry operations of a crystal, eV/Å.

    Args:
        atoms: periodic in all directions.
        forces: [n, 3], eV/Å.
    """
    try:
        with _spglib_raises():
            crystal = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
            operations: Any = spglib.get_symmetry(crystal, _SYMPREC)
    except SpglibError:  # not a crystal that it knows what to do with
        return 0.0
    positions = atoms.get_scaled_positions()
    cell = atoms.cell.array
    largest = 0.0
    for rotation, translation in zip(operations["rotations"], operations["translations"], strict=True):
        moved = positions @ rotation.T + translation
        apart = moved[:, None] - positions[None]
        apart -= apart.round()
        images = np.linalg.norm(apart @ cell, axis=2).argmin(axis=1)
        turn = np.linalg.solve(cell, rotation.T @ cell)  # Cartesian row vectors times it are turned
        largest = max(largest, float(np.abs(forces @ turn - forces[images]).max()))
    return largest
