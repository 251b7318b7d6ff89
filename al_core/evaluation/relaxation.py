"""Atoms brought to rest in the cell as it is; where each step is costly, along the way that a model shows."""

import os
from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.optimize import LBFGS

from al_core.evaluation.measured import NoPropertyError

_FORCE_TOLERANCE = 0.01  # eV/Å
_STEPS = 300
_LARGEST_FORCE = 100.0  # eV/Å: a relaxation beyond is lost
_WORTH = 0.9  # of the largest force: a round by the guide that leaves more is the last


def relaxed(atoms: Atoms, potential: Calculator, guide: Calculator | None = None) -> Atoms:
    """Return a structure with its atoms relaxed to forces of 0.01 eV/Å, with the calculator ``potential``.

    With a guide, each round relaxes on the guide's surface, shifted by the constant forces by which the two differed at
    the end of the round before, and asks the potential once. Where that stops helping, the potential is on its own.

    Args:
        atoms: the start.
        potential: what the atoms come to rest in.
        guide: a cheap potential that resembles it: it decides the way, and not where the way ends.

    Raises:
        NoPropertyError: they do not come to rest.
    """
    copy: Atoms = atoms.copy()
    copy.calc = potential
    if guide is not None and _is_guided(copy, guide):
        return copy
    relax(copy, _FORCE_TOLERANCE)
    return copy


def _is_guided(atoms: Atoms, guide: Calculator) -> bool:
    """Move the atoms along the guide's way as far as it helps; return whether they are at rest."""
    shift, best, least = np.zeros_like(atoms.positions), atoms.positions.copy(), _LARGEST_FORCE
    while True:
        trial: Atoms = atoms.copy()
        trial.calc = _Shifted(guide, shift)
        try:
            relax(trial, _FORCE_TOLERANCE / 10)
        except NoPropertyError:
            return False
        atoms.positions = trial.positions
        forces = atoms.get_forces()
        left = float(np.linalg.norm(forces, axis=1).max())
        if left <= _FORCE_TOLERANCE:
            return True
        if not left < least:
            atoms.positions = best
        if not left < _WORTH * least:
            return False
        best, least = atoms.positions.copy(), left
        trial.calc = guide
        shift = forces - trial.get_forces()


def relax(atoms: Atoms, tolerance: float) -> None:
    """Move atoms, which have a calculator, until no force is larger than the tolerance, eV/Å.

    Raises:
        NoPropertyError: they do not come to rest within 300 steps, or a force is beyond 100 eV/Å.
    """
    with LBFGS(atoms, logfile=os.devnull) as optimizer:
        for _ in optimizer.irun(fmax=tolerance, steps=_STEPS):
            largest = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
            if not largest < _LARGEST_FORCE:
                raise NoPropertyError(f"the relaxation is lost: a force of {largest:.3g} eV/Å")
    if largest > tolerance:
        raise NoPropertyError(f"not relaxed: a force of {largest:.3g} eV/Å after {_STEPS} steps")


class _Shifted(Calculator):
    """A potential with a constant force on each atom added.

    Args:
        potential: energy and forces.
        shift: of each atom, shape (N, 3), eV/Å.
    """

    implemented_properties = ["energy", "forces"]  # noqa: RUF012 (ASE's way)

    def __init__(self, potential: Calculator, shift: np.ndarray) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._potential, self._shift = potential, shift

    def calculate(
        self, atoms: Atoms | None = None, properties: Sequence[str] = ("energy",), changes: Sequence[str] = all_changes
    ) -> None:
        super().calculate(atoms, properties, changes)  # type: ignore[no-untyped-call]
        assert atoms is not None
        energy = self._potential.get_potential_energy(atoms) - float(np.sum(self._shift * atoms.positions))
        self.results = {"energy": energy, "forces": self._potential.get_forces(atoms) + self._shift}
