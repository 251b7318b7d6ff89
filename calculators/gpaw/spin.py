"""Whose spins a label of GPAW polarises: the labeler's settings say it, never the structure alone."""

from collections.abc import Collection, Mapping
from typing import Literal

import numpy as np
from ase import Atoms

from al_core.errors import LabelError

Spin = Literal["paired"] | Mapping[str, float]

# elements whose solids have magnetic moments; those of oxygen are lost in most of its compounds
MAGNETIC = frozenset(["Cr", "Mn", "Fe", "Co", "Ni", "Ce", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm"])


def initial_moments(atoms: Atoms, spin: Spin) -> np.ndarray:
    """Return the magnetic moments [n_atoms], Bohr magnetons, that a calculation starts from; zero if it is paired."""
    moments = {} if spin == "paired" else spin
    return np.array([moments.get(symbol, 0.0) for symbol in atoms.get_chemical_symbols()])


def check_moments(atoms: Atoms, spin: Spin) -> None:
    """Check that a structure has no initial magnetic moments, or those of the settings.

    Raises:
        LabelError: it has others, which are not in the key of its label.
    """
    given = atoms.get_initial_magnetic_moments().reshape(len(atoms), -1)  # one column, or three of vectors
    if given.any() and not np.array_equal(given, initial_moments(atoms, spin)[:, None]):
        first = int(np.flatnonzero(given.any(axis=1))[0])
        symbol, moment = atoms.symbols[first], np.linalg.norm(given[first])
        raise LabelError(
            f"the structure has initial magnetic moments (atom {first}, {symbol}: {moment:g}), which are not those of "
            f"the labeler (spin: {spin if spin == 'paired' else dict(spin)}); set spin to the moment of each element, "
            f"such as spin: {{{symbol}: {moment:g}}}, or remove the moments from the structure"
        )


def paired_magnets(elements: Collection[str], spin: Spin) -> list[str]:
    """Return those of some elements that are magnetic as solids and start without a moment, sorted."""
    polarised = () if spin == "paired" else spin
    return sorted(MAGNETIC.intersection(elements).difference(polarised))


def magnet_notes(elements: Collection[str], spin: Spin) -> list[str]:
    """Return what to know of labels without a moment of elements that have one as solids."""
    magnets = paired_magnets(elements, spin)
    if not magnets:
        return []
    moments = ", ".join(f"{element}: ..." for element in magnets)
    return [
        f"{', '.join(magnets)}: magnetic as a solid, but labelled without a magnetic moment (spin-paired); "
        f"spin: {{{moments}}} sets the moments to start from, in Bohr magnetons"
    ]
