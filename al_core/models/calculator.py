"""A committee as an ASE calculator, for molecular dynamics and relaxations."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from al_core.models.bundle import Bundle
from al_core.models.engine.stack import alike, stack


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
        energy = np.empty(self._size)
        force = np.empty((self._size, len(structure), 3))
        stress = np.empty((self._size, 3, 3))
        for members, models in self._stacks:
            batch = models.network.join(models.network.prepare([structure]))
            with torch.no_grad():
                predicted = models.network(models.weights, batch)
            energy[members] = predicted.energies[:, 0].double().cpu() + models.atomic_energies * len(structure)
            force[members] = predicted.forces.cpu()
            stress[members] = predicted.stresses[:, 0].cpu()
        self.results = {
            "energy": float(energy.mean()),
            "free_energy": float(energy.mean()),  # at zero electronic temperature the same
            "member_energies": energy,
            "forces": force.mean(0),
            "forces_std": force.std(0),
        }
        if structure.pbc.all():
            self.results["stress"] = full_3x3_to_voigt_6_stress(stress.mean(0))
