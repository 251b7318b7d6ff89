"""The program of the labelling subprocess; only it and ``_fft``, ``_start``, ``_stress`` import GPAW.

    python -m calculators.gpaw._worker DIRECTORY [PARENT]

reads ``structure.json`` and ``settings.json`` in DIRECTORY and writes ``gpaw.txt`` (GPAW's text output) and, last and
atomically, ``result.json`` with either the label or the reason why there is none. It ends with the process PARENT.
"""

import os
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ase.io import read

from al_core.storage.files import read_json, write_json
from al_core.storage.processes import exit_with_parent
from calculators.guarded import RESULT, cause, limit_memory

_LAUNCHED = ("PMI_SIZE", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE", "I_MPI_MPIRUN")  # set by mpiexec and srun


def compute(directory: Path) -> dict[str, Any]:
    """Return free energy (eV), forces [n_atoms, 3] (eV/Å), stress [6] (eV/Å^3) and what else is known of a label."""
    import gpaw
    from gpaw.convergence_criteria import check_convergence
    from gpaw.new.ase_interface import GPAW

    from calculators.gpaw import _fft, _start, _stress

    for part in (_fft, _start, _stress):
        part.install()
    settings = read_json(directory / "settings.json")
    limit_memory(settings["memory_limit_MB"])
    rung = settings["rung"]
    own = {"name": settings["smearing"], "width": settings["smearing_eV"]}
    special = {
        **({"mixer": {"name": "pulay", "beta": rung["mixing"]}} if "mixing" in rung else {}),
        **({"eigensolver": rung["eigensolver"]} if "eigensolver" in rung else {}),
    }
    atoms: Any = read(directory / "structure.json")
    calculator = GPAW(
        mode={"name": "pw", "ecut": settings["cutoff_eV"]},
        xc=settings["xc"],
        kpts={"density": settings["kpt_density"], "even": settings["kpt_even"]},
        occupations={**own, "width": rung.get("smearing_eV", own["width"])},
        convergence={"density": settings["density_convergence"], "energy": settings["energy_convergence_eV"]},
        nbands=f"{settings['bands_percent']}%",
        maxiter=settings["max_scf_steps"],
        h=settings["grid_spacing_A"],
        txt=str(directory / "gpaw.txt"),
        **special,
    )
    states: list[Any] = []  # of each step
    calculator.hooks["scf_step"] = states.append
    atoms.calc = calculator
    energy = float(atoms.get_potential_energy(force_consistent=True))
    if "smearing_eV" in rung:  # from here on with the label's own
        calculator.dft.change(occupations=own)
        energy = float(atoms.get_potential_energy(force_consistent=True))
    # asked of GPAW's own state: that there was no error says less
    converged, by_criterion, _ = check_convergence(calculator.dft.scf_loop.convergence, states[-1])
    if not converged:
        missed = ", ".join(name for name, reached in by_criterion.items() if not reached)
        raise RuntimeError(f"it ended without being converged: {missed}")
    forces = atoms.get_forces()
    stress = atoms.get_stress()
    if not np.isfinite([energy, *forces.ravel(), *stress]).all():
        raise RuntimeError("energy, forces or stress are not finite")
    return {
        "energy": energy,
        "forces": forces.tolist(),
        "stress": stress.tolist(),
        "magnetic_moment": float(atoms.get_magnetic_moment()),
        "scf_steps": len(states),
        "gpaw": gpaw.__version__,
    }


def main() -> None:
    """Label the structure in the folder given on the command line."""
    if len(sys.argv) > 2:
        exit_with_parent(int(sys.argv[2]))
    directory = Path(sys.argv[1])
    if any(name in os.environ for name in _LAUNCHED):
        import gpaw
        from gpaw import cgpaw

        gpaw.GPAW_MPI_BACKEND = "cgpaw" if cgpaw.have_mpi else "mpi4py"
    from gpaw.mpi import world

    try:
        result: dict[str, Any] = {"result": compute(directory)}
    except Exception as error:  # whatever DFT fails of is this label's failure, reported to the parent with its cause
        result = {"error": cause(error)}
    if world.rank:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    result["processes"] = world.size
    result["core_seconds"] = (usage.ru_utime + usage.ru_stime) * world.size  # they wait for each other, busily
    result["peak_memory_MB"] = usage.ru_maxrss / 1024
    write_json(directory / RESULT, result)


if __name__ == "__main__":
    # lives as long as we; the processes of a launcher share the file
    sys.stdout = sys.stderr = open(Path(sys.argv[1]) / "worker.log", "a")  # noqa: SIM115
    main()
