"""The program of the labelling subprocess, and the only file that imports GPAW.

    python -m calculators._gpaw_worker DIRECTORY

reads ``structure.json`` and ``settings.json`` in DIRECTORY and writes ``gpaw.txt`` (GPAW's text output) and, last and
atomically, ``result.json`` with either the label or the reason why there is none.
"""

import math
import resource
import sys
from pathlib import Path
from typing import Any

from ase.io import read

from al_core.files import read_json, write_json
from al_core.processes import exit_with_parent


def compute(directory: Path) -> dict[str, Any]:
    """Return energy (eV), forces [n_atoms, 3] (eV/Å), stress [6] (eV/Å^3) and SCF steps of one structure."""
    import gpaw
    from gpaw.new.ase_interface import GPAW

    settings = read_json(directory / "settings.json")
    atoms: Any = read(directory / "structure.json")
    calculator = GPAW(
        mode={"name": "pw", "ecut": settings["cutoff_eV"]},
        xc=settings["xc"],
        kpts={"density": settings["kpt_density"], "even": True},
        occupations={"name": "fermi-dirac", "width": settings["smearing_eV"]},
        convergence={"density": settings["density_convergence"], "energy": settings["energy_convergence_eV"]},
        nbands=f"{settings['bands_percent']}%",
        maxiter=settings["max_scf_steps"],
        h=settings.get("grid_spacing_A"),
        txt=str(directory / "gpaw.txt"),
    )
    atoms.calc = calculator
    energy = float(atoms.get_potential_energy())
    forces = atoms.get_forces()
    stress = atoms.get_stress()
    steps = int(calculator.dft.scf_loop.niter)
    if steps < 1 or not math.isfinite(energy + float(abs(forces).sum()) + float(abs(stress).sum())):
        raise RuntimeError(f"no usable result after {steps} SCF steps")
    return {
        "energy": energy,
        "forces": forces.tolist(),
        "stress": stress.tolist(),
        "scf_steps": steps,
        "gpaw": gpaw.__version__,
    }


def main() -> None:
    """Label the structure in the folder given on the command line."""
    exit_with_parent()
    directory = Path(sys.argv[1])
    try:
        result: dict[str, Any] = {"result": compute(directory)}
    except Exception as error:  # whatever DFT fails of is this label's failure, told to the parent with its cause
        result = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
    usage = resource.getrusage(resource.RUSAGE_SELF)
    result["core_seconds"] = usage.ru_utime + usage.ru_stime
    result["peak_memory_MB"] = usage.ru_maxrss / 1024
    write_json(directory / "result.json", result)


if __name__ == "__main__":
    sys.stdout = sys.stderr = open(Path(sys.argv[1]) / "worker.log", "w")  # noqa: SIM115 (lives as long as we)
    main()
