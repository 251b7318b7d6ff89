"""A committee as an ASE calculator, for molecular dynamics and relaxations."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from al_core.models.bundle import Bundle
from al_core.models.engine import alike, stack


class CommitteeCalculator(Calculator):
    """Mean prediction of a committee, and its spread.

    Results: energy (eV), forces (eV/Å, [n, 3]), stress (eV/Å^3, Voigt, for periodic structures), and of the members
    energies ([K]) and forces_std (eV/Å, [n, 3], population standard deviation of each component).

    Args:
        committee: the models; one is a committee, too.
        device: where to compute.
        dtype: float32 is what potentials are driven with; its energies resolve some 1e-6 eV/atom.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress", "energies", "forces_std"]  # noqa: RUF012 (ASE's way)

    def __init__(
        self, committee: Sequence[Bundle], device: torch.device, dtype: torch.dtype = torch.float32, **options: Any
    ) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._stacks = [stack([committee[member] for member in group], dtype, device) for group in alike(committee)]

    def calculate(
        self, atoms: Atoms | None = None, properties: Sequence[str] = ("energy",), changes: Sequence[str] = all_changes
    ) -> None:
        """Compute all results for a structure."""
        super().calculate(atoms, properties, changes)  # type: ignore[no-untyped-call]
        structure = cast(Atoms, self.atoms)
        energies, forces, stresses = [], [], []
        for models in self._stacks:
            batch = models.network.join(models.network.prepare([structure]))
            with torch.no_grad():
                said = models.network(models.weights, batch)
            energies.append(said.energies[:, 0].double().cpu() + models.atomic_energies * len(structure))
            forces.append(said.forces.double().cpu())
            stresses.append(said.stresses[:, 0].double().cpu())
        energy, force = torch.cat(energies), torch.cat(forces)
        self.results = {
            "energy": float(energy.mean()),
            "free_energy": float(energy.mean()),  # at zero electronic temperature the same
            "energies": energy.numpy(),
            "forces": force.mean(0).numpy(),
            "forces_std": force.std(0, correction=0).numpy(),
        }
        if structure.pbc.all():
            self.results["stress"] = full_3x3_to_voigt_6_stress(torch.cat(stresses).mean(0).numpy())
