"""Density-functional labels from GPAW: one structure, one subprocess, one thread.

One thread a process and one process a core gives several times the throughput of GPAW at its defaults on small
cells. The subprocess also keeps GPAW's memory, crashes and output away from the study.
"""

import math
import os
import sys
from collections.abc import Collection, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import write
from ase.units import Bohr, Hartree

from al_core.config.labelers import GPAWLabeler as Settings
from al_core.errors import LabelError
from al_core.storage.files import write_json
from al_core.structures.checks import bare, fault
from al_core.types import Label
from calculators.gpaw.label_checks import failed_check, too_large
from calculators.gpaw.paw import valence_electrons
from calculators.gpaw.pulay import pulay_notes
from calculators.gpaw.requirements import check_mpi, check_paw_setups
from calculators.gpaw.spin import check_moments, initial_moments, magnet_notes, paired_magnets
from calculators.guarded import RESULT, run_guarded


def n_kpoints(atoms: Atoms, density: float, even: bool) -> int:
    """Return the number of k-points of a Monkhorst-Pack mesh of at least ``density`` points per Å^-1, reduced by time
    reversal; ``even`` is the number along each axis, if so asked.
    """
    lengths = np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0) * 2 * math.pi
    step = 2 if even else 1
    mesh = [step * math.ceil(float(length) * density / step) for length in lengths]
    return math.ceil(math.prod(mesh) / 2)


class GPAWLabeler:
    """Plane-wave DFT labels from GPAW; see :class:`al_core.config.labelers.GPAWLabeler` for the settings."""

    name = "gpaw"
    by_physics = by_equivalents = True

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.rungs = 1 + len(settings.ladder)

    def identity(self) -> dict[str, Any]:
        """See :class:`al_core.types.Labeler`."""
        physics = self.settings.model_dump(exclude={"timeout_s", "memory_limit_MB", "ladder", "parallel"})
        # the energy whose derivative the forces are: with the entropy of the smearing, not extrapolated to no width
        return {**physics, "energy": "free", "gpaw": version("gpaw"), "gpaw_data": version("gpaw-data")}

    def theory(self) -> dict[str, Any]:
        """See :class:`al_core.types.Labeler`."""
        return self.identity()

    def preflight(self, elements: Collection[str]) -> None:
        """See :class:`al_core.types.Labeler`."""
        check_paw_setups(elements, self.settings)
        if self.settings.parallel:
            check_mpi(self.settings.parallel)

    def notes(self, structures: Sequence[Atoms]) -> list[str]:
        """See :class:`al_core.types.Labeler`."""
        settings = self.settings
        elements = {symbol for atoms in structures for symbol in atoms.get_chemical_symbols()}
        return magnet_notes(elements, settings.spin) + pulay_notes(structures, settings.xc, settings.cutoff_eV)

    def check(self, atoms: Atoms) -> None:
        """See :class:`al_core.types.Labeler`."""
        if not atoms.pbc.all():
            raise LabelError(
                f"plane-wave DFT needs a cell periodic in all three directions, got pbc={atoms.pbc.tolist()}; "
                "put a molecule or slab into a box with vacuum and set pbc to true"
            )
        if atoms.cell.volume < 1.0:
            raise LabelError(f"the cell has a volume of {atoms.cell.volume:.3g} Å^3")
        if wrong := fault(atoms):
            raise LabelError(f"the structure {wrong}")
        check_moments(atoms, self.settings.spin)

    def estimate_core_seconds(self, atoms: Atoms) -> float:
        """Rough cost: 20 core-seconds for 8 atoms and 32 k-points at 300 eV; powers fitted to cells of 7 to 64."""
        points = n_kpoints(atoms, self.settings.kpt_density, self.settings.kpt_even)
        scale = (points / 32) * math.pow(len(atoms) / 8, 2.4) * math.pow(self.settings.cutoff_eV / 300, 1.5)
        return 2.0 + 18.0 * scale * self._spins(atoms)

    def original_core_seconds(self, atoms: Atoms) -> float:
        """See :class:`al_core.types.Labeler`."""
        return self.estimate_core_seconds(atoms)

    def _spins(self, atoms: Atoms) -> int:
        return 2 if initial_moments(atoms, self.settings.spin).any() else 1

    def cost_factors(self, atoms: Atoms) -> dict[str, float]:
        """See :class:`al_core.types.Labeler`."""
        settings = self.settings
        return {
            "electrons": sum(valence_electrons(symbol, settings.xc) for symbol in atoms.get_chemical_symbols()),
            "k-points": float(n_kpoints(atoms, settings.kpt_density, settings.kpt_even)),
            "volume": atoms.cell.volume,
            "cutoff": settings.cutoff_eV,
            "spins": float(self._spins(atoms)),
        }

    def estimate_megabytes(self, atoms: Atoms) -> float:
        """See :class:`al_core.types.Labeler`. The program, and three times the wave functions of all k-points.

        Of 2, 24 and 63 atoms of germanium it is 1.3, 1.04 and 1.26 of what was taken; crystals' symmetries halve that.
        """
        factors, settings = self.cost_factors(atoms), self.settings
        momentum = math.sqrt(2 * settings.cutoff_eV / Hartree) / Bohr  # of the fastest plane wave, per Å
        waves = float(atoms.cell.volume) * momentum**3 / (6 * math.pi**2)
        bands = factors["electrons"] / 2 * settings.bands_percent / 100
        return 150 + 3 * 16e-6 * waves * bands * factors["k-points"] * factors["spins"]

    def cores(self, atoms: Atoms) -> int:
        """See :class:`al_core.types.Labeler`."""
        parallel = self.settings.parallel
        return parallel.processes if parallel and len(atoms) >= parallel.from_atoms else 1

    def label(self, atoms: Atoms, directory: Path, rung: int = 0) -> Label:
        """See :class:`al_core.types.Labeler`."""
        directory = directory.resolve()
        outcome = self._computed(atoms, directory, rung)
        if "error" in outcome:
            raise LabelError(f"GPAW: {outcome['error']}; output in {directory}", core_seconds=outcome["core_seconds"])
        result = outcome["result"]
        provenance = {
            "rung": rung,
            "processes": outcome["processes"],
            "scf_steps": result["scf_steps"],
            "peak_memory_MB": outcome["peak_memory_MB"],
            "magnetic_moment": result["magnetic_moment"],  # of the cell, Bohr magnetons
        }
        if magnets := paired_magnets(atoms.get_chemical_symbols(), self.settings.spin):
            provenance["spin_paired"] = magnets
        energy, forces, stress = result["energy"], np.array(result["forces"]), np.array(result["stress"])
        label = Label(energy, forces, stress, outcome["core_seconds"], provenance)
        absurd = too_large(atoms, label)
        if wrong := absurd or failed_check(atoms, label, self.estimate_core_seconds(atoms)):
            message = f"suspicious label: {wrong}; output in {directory}"
            raise LabelError(message, core_seconds=label.core_seconds, final=bool(absurd))
        return label

    def _computed(self, atoms: Atoms, directory: Path, rung: int) -> dict[str, Any]:
        """Run the program of the subprocess and return what it wrote."""
        for leftover in (RESULT, "gpaw.txt", "worker.log"):
            (directory / leftover).unlink(missing_ok=True)
        structure = bare(atoms)
        structure.set_initial_magnetic_moments(initial_moments(atoms, self.settings.spin))
        write(directory / "structure.json", structure)
        special = self.settings.ladder[rung - 1].model_dump(exclude_none=True) if rung else {}
        write_json(directory / "settings.json", {**self.settings.model_dump(mode="json"), "rung": special})
        cores = self.cores(atoms)
        return run_guarded(self._command(directory, cores), directory, "GPAW", self.settings.timeout_s, cores)

    def _command(self, directory: Path, cores: int) -> list[str]:
        python, parent = [sys.executable, "-m"], str(os.getpid())
        command = [*python, "calculators.gpaw._worker", str(directory)]
        if cores == 1 or self.settings.parallel is None:
            return [*command, parent]
        launcher = self.settings.parallel.launcher.format(processes=cores).split()
        return [*python, "calculators._parent_guard", parent, *launcher, *command]
