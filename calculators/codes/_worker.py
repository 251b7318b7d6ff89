"""The program of the subprocess that runs another code; only it makes the code's calculator.

    python -m calculators.codes._worker DIRECTORY PARENT

reads ``structure.json`` and ``settings.json`` in DIRECTORY, keeps the code's own files there, and writes, last and
atomically, ``result.json`` with either the label or the reason why there is none. It ends with the process PARENT.
"""

import os
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ase.calculators.calculator import PropertyNotImplementedError
from ase.io import read

from al_core.config.codes import ASELabeler
from al_core.storage.files import read_json, write_json
from al_core.storage.processes import exit_with_parent
from calculators.codes.calculator import make_calculator
from calculators.guarded import RESULT, cause, clear, limit_memory

_LARGEST_KEPT = 5_000_000  # bytes of a file


def compute(directory: Path, settings: ASELabeler) -> dict[str, Any]:
    """Return energy (eV), forces [n_atoms, 3] (eV/Å), and stress [6] (eV/Å^3) of a periodic structure or None."""
    limit_memory(settings.memory_limit_MB)
    atoms: Any = read(directory / "structure.json")
    calculator = atoms.calc = make_calculator(settings, directory)
    try:
        energy = float(atoms.get_potential_energy(force_consistent=True))
    except PropertyNotImplementedError:
        energy = float(atoms.get_potential_energy())
    forces = np.asarray(atoms.get_forces())
    has_stress = atoms.pbc.all() and "stress" in calculator.implemented_properties
    stress = np.asarray(atoms.get_stress()) if has_stress else None
    if getattr(calculator, "converged", True) is False or _says(directory, settings.code.unconverged):
        raise RuntimeError("it ended without being converged")
    if not np.isfinite([energy, *forces.ravel(), *(() if stress is None else stress)]).all():
        raise RuntimeError("energy, forces or stress are not finite")
    return {"energy": energy, "forces": forces.tolist(), "stress": None if stress is None else stress.tolist()}


def _says(directory: Path, words: str) -> bool:
    """Tell whether one of the files of a calculation has some words in it."""
    files = (file for file in directory.iterdir() if file.is_file() and file.stat().st_size < _LARGEST_KEPT)
    return bool(words) and any(words in file.read_text(errors="replace") for file in files)


def main() -> None:
    """Label the structure in the folder given on the command line."""
    directory = Path(sys.argv[1])
    exit_with_parent(int(sys.argv[2]), with_group=True)
    os.chdir(directory)  # some codes write where they are
    settings = ASELabeler.model_validate(read_json(directory / "settings.json"))
    try:
        result: dict[str, Any] = {"result": compute(directory, settings)}
    except Exception as error:  # whatever the code fails of is this label's failure, reported with its cause
        result = {"error": cause(error)}
    clear(directory, _LARGEST_KEPT)
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    result["core_seconds"] = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    result["peak_memory_MB"] = max(usage.ru_maxrss for usage in usages) / 1024
    write_json(directory / RESULT, result)


if __name__ == "__main__":
    # lives as long as we
    sys.stdout = sys.stderr = open(Path(sys.argv[1]) / "worker.log", "a")  # noqa: SIM115
    main()
