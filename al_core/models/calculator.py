"""A committee as an ASE calculator, for molecular dynamics and relaxations."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from al_core.models.bundle import Bundle
from al_core.models.engine.stack import alike, stack

_ATOMS_AT_ONCE = 512


class CommitteeCalculator(Calculator):
    """Mean prediction of a committee, and its spread.

    Results: energy (eV), forces (eV/Å, [n, 3]), stress (eV/Å^3, Voigt, for periodic structures), and of the members
    member_energies (eV, [K]) and forces_std (eV/Å, [n, 3], population standard deviation of each component).

    Args:
        committee: the models; one is a committee, too.
        device: where to compute.
        dtype: float32 is what potentials are driven with; its energies resolve some 1e-6 eV/atom.
    """

    implemented_properties = [  # noqa: RUF012 (ASE's way)
        *("energy", "free_energy", "forces", "stress"),
        *("member_energies", "forces_std"),
    ]

    def __init__(
        self, committee: Sequence[Bundle], device: torch.device, dtype: torch.dtype = torch.float32, **options: Any
    ) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._size = len(committee)
        groups = alike(committee)
        self._stacks = [(group, stack([committee[member] for member in group], dtype, device)) for group in groups]

    def calculate(
        self, atoms: Atoms | None = None, properties: Sequence[str] = ("energy",), changes: Sequence[str] = all_changes
    ) -> None:
        """Compute all results for a structure."""
        super().calculate(atoms, properties, changes)  # type: ignore[no-untyped-call]
        structure = cast(Atoms, self.atoms)
        energies, force, stresses = self._members([structure])
        energy, stress = energies[:, 0], stresses[:, 0]
        self.results = {
            "energy": float(energy.mean()),
            "free_energy": float(energy.mean()),  # at zero electronic temperature the same
            "member_energies": energy,
            "forces": force.mean(0),
            "forces_std": force.std(0),
        }
        if structure.pbc.all():
            self.results["stress"] = full_3x3_to_voigt_6_stress(stress.mean(0))

    def batch(self, structures: Sequence[Atoms]) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean energies of several structures, eV, [n], and the forces on all their atoms, eV/Å, [N, 3]."""
        energies, forces = [], []
        for part in _parts(structures):
            energy, force, _ = self._members(part)
            energies.append(energy.mean(0))
            forces.append(force.mean(0))
        return np.concatenate(energies), np.concatenate(forces)

    def _members(self, structures: Sequence[Atoms]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return energies [K, n], forces [K, N, 3] and stresses [K, n, 3, 3] of all members."""
        sizes = np.array([len(atoms) for atoms in structures])
        energy = np.empty((self._size, len(structures)))
        force = np.empty((self._size, sizes.sum(), 3))
        stress = np.empty((self._size, len(structures), 3, 3))
        for members, models in self._stacks:
            joined = models.network.join(models.network.prepare(structures))
            with torch.no_grad():
                predicted = models.network(models.weights, joined)
            atomic = models.atomic_energies.cpu().numpy()
            energy[members] = predicted.energies.double().cpu().numpy() + atomic[:, None] * sizes
            force[members] = predicted.forces.cpu()
            stress[members] = predicted.stresses.cpu()
        return energy, force, stress


def _parts(structures: Sequence[Atoms]) -> Iterator[list[Atoms]]:
    """Give the structures in groups of few atoms: larger ones take memory and are no faster."""
    part: list[Atoms] = []
    for atoms in structures:
        if part and sum(map(len, part)) + len(atoms) > _ATOMS_AT_ONCE:
            yield part
            part = []
        part.append(atoms)
    yield part
