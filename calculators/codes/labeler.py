"""Labels from another code by ASE's calculator of it: one structure, one subprocess."""

import math
import os
import shutil
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import write

from al_core.config.codes import ASELabeler as Settings
from al_core.errors import LabelError
from al_core.storage.files import write_json
from al_core.structures.checks import bare, fault
from al_core.types import Label
from calculators.codes.calculator import folders, tables, version, with_hashes
from calculators.gpaw.label_checks import too_large
from calculators.guarded import clear, run_guarded

_CORE_SECONDS = 20.0  # of 8 atoms, before any label tells; with a package instead of a program a hundredth
_GAMMA_ATOMS = 8
_OTHER_SIZE = 1.5  # of volumes; strains are less


class ASELabeler:
    """Labels from a code that ASE has a calculator of; see :class:`al_core.config.codes.ASELabeler`."""

    name = "ase"
    by_physics, by_equivalents = True, False
    rungs = 1

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def identity(self) -> dict[str, Any]:
        """See :class:`al_core.types.Labeler`. The code's version and the content of its files are part of it."""
        settings, code = self.settings, self.settings.code
        program = settings.program or next(iter(code.programs), "")
        found = version(settings.calculator, program, code.package)
        parameters = with_hashes(settings.parameters, tuple(folders(settings).values()))
        identity = {"kind": self.name, "calculator": settings.calculator, "parameters": parameters, "version": found}
        return identity | ({"tables": files} if (files := tables(settings)) else {})

    def theory(self) -> dict[str, Any]:
        """See :class:`al_core.types.Labeler`."""
        return self.identity()

    def preflight(self, elements: Collection[str]) -> None:
        """See :class:`al_core.types.Labeler`."""
        settings = self.settings
        self.identity()
        if settings.launcher and shutil.which(settings.launcher.split()[0]) is None:
            raise LabelError(f"launcher: {settings.launcher.split()[0]} is not on PATH")
        for key, folder in folders(settings).items():
            if not folder.is_dir():
                raise LabelError(f"folders.{key}: no such folder: {folder}")
        if settings.calculator == "espresso":
            self._check_pseudopotentials(elements)
        elif settings.code.files:
            self._check_files(elements)

    def _check_files(self, elements: Collection[str]) -> None:
        settings, key = self.settings, self.settings.code.folders[0]
        if (place := folders(settings).get(key)) is None:
            raise LabelError(f"{settings.calculator}: folders.{key} is missing: where the files of its elements are")
        for element in sorted(elements):
            if not any(any(place.glob(pattern.format(element))) for pattern in settings.code.files):
                raise LabelError(f"{settings.calculator}: folders.{key}: {place} has no file for {element}")

    def _check_pseudopotentials(self, elements: Collection[str]) -> None:
        given = self.settings.parameters.get("pseudopotentials", {})
        if not isinstance(given, dict) or not all(isinstance(name, str) for name in given.values()):
            raise LabelError(
                f"espresso: parameters.pseudopotentials: got {given!r}, expected the file's name of each element, such "
                "as {Ge: Ge.pbe-kjpaw.UPF}"
            )
        places = folders(self.settings)
        if "pseudo_dir" not in places:
            raise LabelError("espresso: folders.pseudo_dir is missing: where the pseudopotentials are")
        for element in sorted(elements):
            if element not in given:
                raise LabelError(f"espresso: parameters.pseudopotentials has none for {element}; give its file's name")
            if not (places["pseudo_dir"] / given[element]).is_file():
                raise LabelError(f"espresso: no pseudopotential {given[element]} in {places['pseudo_dir']}")

    def notes(self, structures: Sequence[Atoms]) -> list[str]:
        """See :class:`al_core.types.Labeler`. Cells with other k-points are no longer of one theory."""
        cells = [atoms for atoms in structures if atoms.pbc.all()]
        mesh = self.settings.parameters.get("kpts")
        if self.settings.calculator == "tblite" and any(len(atoms) < _GAMMA_ATOMS for atoms in cells):
            return [f"tblite has one k-point: energies of cells below {_GAMMA_ATOMS} atoms are off by eV an atom"]
        volumes = [float(atoms.cell.volume) for atoms in cells]
        if isinstance(mesh, list) and volumes and max(volumes) > _OTHER_SIZE * min(volumes):
            return [
                f"parameters.kpts: {mesh} is one mesh for cells of several sizes, whose energies then do not compare; "
                "a spacing of k-points follows the cell (kspacing of espresso and vasp)"
            ]
        return []

    def check(self, atoms: Atoms) -> None:
        """See :class:`al_core.types.Labeler`."""
        if wrong := fault(atoms):
            raise LabelError(f"the structure {wrong}")

    def estimate_core_seconds(self, atoms: Atoms) -> float:
        """Return a guess, which the first labels correct (:mod:`al_core.labels.costs`)."""
        return _CORE_SECONDS * (1.0 if self.settings.code.programs else 0.01) * math.pow(len(atoms) / 8, 2.4)

    def original_core_seconds(self, atoms: Atoms) -> float:
        """See :class:`al_core.types.Labeler`."""
        return self.estimate_core_seconds(atoms)

    def cost_factors(self, atoms: Atoms) -> dict[str, float]:
        """See :class:`al_core.types.Labeler`."""
        return {"electrons": float(atoms.numbers.sum()), "volume": float(atoms.cell.volume) or 1.0}

    def estimate_megabytes(self, atoms: Atoms) -> float:
        """See :class:`al_core.types.Labeler`. It is not known."""
        return 0.0

    def cores(self, atoms: Atoms) -> int:
        """See :class:`al_core.types.Labeler`."""
        return self.settings.processes

    def label(self, atoms: Atoms, directory: Path, rung: int = 0) -> Label:
        """See :class:`al_core.types.Labeler`."""
        directory = directory.resolve()
        clear(directory, -1)  # of an attempt before: codes go on from what they find
        directory.mkdir(parents=True, exist_ok=True)
        write(directory / "structure.json", bare(atoms))
        write_json(directory / "settings.json", self.settings.model_dump(mode="json"))
        command = [sys.executable, "-m", "calculators.codes._worker", str(directory), str(os.getpid())]
        what, limit = self.settings.calculator, self.settings.timeout_s
        outcome = run_guarded(command, directory, what, limit, self.settings.processes)
        cost = outcome["core_seconds"]
        if "error" in outcome:
            raise LabelError(f"{what}: {outcome['error']}; output in {directory}", core_seconds=cost)
        result = outcome["result"]
        stress = None if result["stress"] is None else np.array(result["stress"])
        provenance = {"processes": self.settings.processes, "peak_memory_MB": outcome["peak_memory_MB"]}
        label = Label(result["energy"], np.array(result["forces"]), stress, cost, provenance)
        if wrong := too_large(atoms, label):
            raise LabelError(f"suspicious label: {wrong}; output in {directory}", core_seconds=cost, final=True)
        return label
