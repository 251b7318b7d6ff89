"""Molecular dynamics of several walkers side by side, in one batch where the potential computes batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator

from al_core.errors import LabelError
from al_core.evaluation.measured import NoPropertyError
from al_core.models.calculator import CommitteeCalculator

_FAR = 1e5  # Å: an atom beyond has exploded
# of structures: their energies (eV, [n]) and the forces on all of their atoms, one after the other (eV/Å, [N, 3])
Forces = Callable[[Sequence[Atoms]], tuple[np.ndarray, np.ndarray]]


def batched(potential: Calculator) -> Forces:
    """Return what computes the forces of several structures: together for a committee, else one by one.

    What a labeler refuses has no numbers for forces; where it refuses all of them, its error is raised.
    """
    if isinstance(potential, CommitteeCalculator):
        return potential.batch

    def one_by_one(structures: Sequence[Atoms]) -> tuple[np.ndarray, np.ndarray]:
        energies, forces, refused = [], [], []
        for atoms in structures:
            copy = atoms.copy()
            copy.calc = potential
            try:
                forces.append(copy.get_forces())
                energies.append(copy.get_potential_energy())
            except LabelError as error:
                refused.append(error)
                forces.append(np.full((len(atoms), 3), np.nan))
                energies.append(np.nan)
        if len(refused) == len(structures):
            raise refused[0]
        return np.array(energies), np.concatenate(forces)

    return one_by_one


def check_moves(atoms: Atoms) -> None:
    """Raise :class:`NoPropertyError` for a single atom, which has no motion but that of its cell."""
    if len(atoms) < 2:
        raise NoPropertyError("a cell of one atom has no dynamics; enlarge supercell")


@dataclass(frozen=True)
class Snapshot:
    """One walker at one time.

    Attributes:
        atoms: positions as they are, not wrapped into the cell.
        temperature_K: of the moving atoms, their common motion taken out.
        energy: potential and kinetic, eV.
        forces: eV/Å, [n, 3].
        velocities: Å per ASE's unit of time, [n, 3].
    """

    atoms: Atoms
    temperature_K: float
    energy: float
    forces: np.ndarray
    velocities: np.ndarray


class Walkers:
    """Structures that move, each in its own cell and at its own temperature.

    Langevin dynamics by the splitting BAOAB (Leimkuhler and Matthews, Appl. Math. Res. Express 2013, 34), which is
    velocity Verlet where the friction is zero. The common motion of a walker's atoms is taken out.

    Args:
        structures: where they start, each with velocities of the Maxwell distribution.
        forces: computes a batch.
        temperatures_K: of the baths.
        timestep_fs: of all.
        frictions_per_fs: of each walker; zero conserves the energy.
        seed: of velocities and noise; each walker has its own.
        first_K: temperatures of the first velocities; twice the baths' if not given, as a crystal at rest gives half of
            that to its potential energy.
    """

    def __init__(
        self,
        structures: Sequence[Atoms],
        forces: Forces,
        temperatures_K: Sequence[float],
        timestep_fs: float,
        frictions_per_fs: Sequence[float],
        seed: int | None = None,
        first_K: Sequence[float] | None = None,
    ) -> None:
        self._atoms = [Atoms(one.symbols, one.positions, cell=one.cell, pbc=one.pbc) for one in structures]
        self._starts = [atoms.copy() for atoms in self._atoms]
        self._forces_of, self._step = forces, timestep_fs * units.fs
        self._temperatures, self._frictions = list(temperatures_K), list(frictions_per_fs)
        seeds = [number if seed is None else [seed, number] for number in range(len(structures))]
        self._random = [np.random.default_rng(one) for one in seeds]
        self._velocities = []
        first_K = first_K or [2 * temperature for temperature in temperatures_K]
        for atoms, temperature, random in zip(self._atoms, first_K, self._random, strict=True):
            width = np.sqrt(units.kB * temperature / atoms.get_masses())[:, None]
            self._velocities.append(_without_drift(width * random.normal(size=(len(atoms), 3)), atoms))
        self.active = list(range(len(structures)))
        self._energies, self._forces = np.zeros(len(structures)), [np.zeros((len(one), 3)) for one in self._atoms]
        self._compute()

    def run(self, steps: int) -> None:
        """Move all walkers that are active."""
        for _ in range(steps):
            for number in self.active:
                self._kick(number)
                self._drift(number)
            self._compute()
            for number in self.active:
                self._kick(number)

    def stop(self, number: int) -> None:
        """Let a walker rest from now on; the others do not notice."""
        self.active.remove(number)

    def bath(self, number: int, temperature_K: float, friction_per_fs: float) -> None:
        """Give a walker another bath from now on."""
        self._temperatures[number], self._frictions[number] = temperature_K, friction_per_fs

    def stretch(self, number: int, factor: float) -> None:
        """Scale the lengths of a walker's cell, and its velocities by the inverse, as a barostat does."""
        atoms = self._atoms[number]
        atoms.set_cell(atoms.cell.array * factor, scale_atoms=True)
        self._velocities[number] /= factor

    def snapshot(self, number: int) -> Snapshot:
        """Return a walker as it is now."""
        atoms, velocities = self._atoms[number], self._velocities[number]
        kinetic = 0.5 * float((atoms.get_masses()[:, None] * velocities**2).sum())
        temperature = 2 * kinetic / (units.kB * 3 * max(1, len(atoms) - 1))
        return Snapshot(atoms, temperature, float(self._energies[number]) + kinetic, self._forces[number], velocities)

    def _compute(self) -> None:
        lost = {number for number in self.active if not (np.abs(self._atoms[number].positions) < _FAR).all()}
        batch = [self._starts[number] if number in lost else self._atoms[number] for number in self.active]
        energies, forces = self._forces_of(batch)
        self._energies[self.active] = energies
        ends = np.cumsum([len(self._atoms[number]) for number in self.active])[:-1]
        for number, part in zip(self.active, np.split(forces, ends), strict=True):
            self._forces[number] = part
        for number in lost:  # nobody finds neighbours there: its start keeps its place in the batch
            self._energies[number], self._forces[number] = np.nan, np.full_like(self._forces[number], np.nan)

    def _kick(self, number: int) -> None:
        masses = self._atoms[number].get_masses()[:, None]
        self._velocities[number] += 0.5 * self._step * self._forces[number] / masses

    def _drift(self, number: int) -> None:
        atoms = self._atoms[number]
        atoms.positions += 0.5 * self._step * self._velocities[number]
        if self._frictions[number]:
            kept = np.exp(-self._frictions[number] * self._step / units.fs)
            width = np.sqrt((1 - kept**2) * units.kB * self._temperatures[number] / atoms.get_masses())[:, None]
            new = kept * self._velocities[number] + width * self._random[number].normal(size=(len(atoms), 3))
            self._velocities[number] = _without_drift(new, atoms)
        atoms.positions += 0.5 * self._step * self._velocities[number]


def _without_drift(velocities: np.ndarray, atoms: Atoms) -> np.ndarray:
    masses = atoms.get_masses()[:, None]
    return np.asarray(velocities - (masses * velocities).sum(axis=0) / masses.sum())
