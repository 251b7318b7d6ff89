"""A committee as an ASE calculator, for molecular dynamics and relaxations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from al_core.models.bundle import Bundle, load_bundle
from al_core.models.committee import bundle_folders, read_calibration
from al_core.models.engine.evaluate import evaluate
from al_core.models.engine.stack import alike, pick_device, stack
from al_core.uncertainty.calibration import Calibration
from al_core.uncertainty.committee import force_deviation


class CommitteeCalculator(Calculator):
    """Mean prediction of a committee, and its spread.

    Results: energy (eV), forces (eV/Å, [n, 3]), stress (eV/Å^3, Voigt, for periodic structures), and of the members
    member_energies (eV, [K]) and forces_std (eV/Å, [n, 3], population standard deviation of each component). With a
    calibration also forces_uncertainty: the expected standard deviation of the error of each atom's force, the three
    components' variances summed (eV/Å, [n]).

    Args:
        committee: the models; one is a committee, too.
        device: where to compute.
        calibration: what the members' disagreement stands for.
        dtype: float32 is what potentials are driven with; its energies resolve some 1e-6 eV/atom.
    """

    implemented_properties = [  # noqa: RUF012 (ASE's way)
        *("energy", "free_energy", "forces", "stress"),
        *("member_energies", "forces_std", "forces_uncertainty"),
    ]

    def __init__(
        self,
        committee: Sequence[Bundle],
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        calibration: Calibration | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._size, self._calibration = len(committee), calibration
        groups = alike(committee)
        self._stacks = [(group, stack([committee[member] for member in group], dtype, device)) for group in groups]

    @classmethod
    def of_folder(cls, folder: Path, device: str = "auto", dtype: torch.dtype = torch.float32) -> "CommitteeCalculator":
        """Return the calculator of a committee's folder, or of a single bundle's, with its calibration if it has one.

        Raises:
            BundleError: the folder cannot be used.
        """
        bundles = [load_bundle(one) for one in bundle_folders(folder)]
        return cls(bundles, pick_device(device), dtype, read_calibration(folder))

    def calculate(
        self, atoms: Atoms | None = None, properties: Sequence[str] = ("energy",), changes: Sequence[str] = all_changes
    ) -> None:
        """Compute all results for a structure."""
        super().calculate(atoms, properties, changes)  # type: ignore[no-untyped-call]
        structure = cast(Atoms, self.atoms)
        energies, force, stresses = self.members([structure])
        energy, stress = energies[:, 0], stresses[:, 0]
        self.results = {
            "energy": float(energy.mean()),
            "free_energy": float(energy.mean()),  # at zero electronic temperature the same
            "member_energies": energy,
            "forces": force.mean(0),
            "forces_std": force.std(0),
        }
        if self._calibration is not None:
            self.results["forces_uncertainty"] = self._calibration.uncertainties(force_deviation(force))
        if structure.pbc.all():
            self.results["stress"] = full_3x3_to_voigt_6_stress(stress.mean(0))

    def batch(self, structures: Sequence[Atoms]) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean energies of several structures, eV, [n], and the forces on all their atoms, eV/Å, [N, 3]."""
        energies, forces, _ = self.members(structures)
        return energies.mean(0), forces.mean(0)

    def members(self, structures: Sequence[Atoms]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what each member says of several structures.

        Returns:
            Energies, eV, [K, n]; forces on all their atoms, eV/Å, [K, N, 3]; stresses, eV/Å^3, positive under tension,
            [K, n, 3, 3].
        """
        energies = np.empty((self._size, len(structures)))
        forces = np.empty((self._size, sum(map(len, structures)), 3))
        stresses = np.empty((self._size, len(structures), 3, 3))
        for members, models in self._stacks:
            energies[members], forces[members], stresses[members] = evaluate(models, structures)
        return energies, forces, stresses
