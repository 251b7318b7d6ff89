"""DFT labels an hour: rattled 8-atom germanium cells, energy, forces and stress of each.

``graft label`` against a plain script that labels structure after structure with ASE and GPAW as they are installed:
same functional, cutoff, k-points and smearing, everything else at GPAW's and the system's defaults. Wall time of the
whole commands, imports and the start of Prefect included. Energies and forces of both sides are compared.
Required: 5, for 16 structures.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks._common import CORES, options, ratio, table

STRUCTURES, QUICK_STRUCTURES = 16, 2
QUICK = {"kpt_density": 1.7, "cutoff_eV": 200.0}

# what a user of ASE and GPAW writes; the settings are the labeler's
_PLAIN = """
import json, sys
from ase.io import read, write
from gpaw import GPAW, PW, FermiDirac

settings = json.loads(sys.argv[2])
labelled = []
for atoms in read(sys.argv[1], ":"):
    atoms.calc = GPAW(
        mode=PW(settings["cutoff_eV"]),
        xc=settings["xc"],
        kpts={"density": settings["kpt_density"], "even": settings["kpt_even"]},
        occupations=FermiDirac(settings["smearing_eV"]),
        txt=None,
    )
    atoms.info["REF_energy"] = atoms.get_potential_energy(force_consistent=True)
    atoms.arrays["REF_forces"] = atoms.get_forces()
    atoms.info["REF_stress"] = atoms.get_stress()
    atoms.calc = None
    labelled.append(atoms)
write(sys.argv[3], labelled)
"""


def main() -> None:
    """Run the comparison."""
    given = options(__doc__, repeats=2, quick_repeats=1)
    number = QUICK_STRUCTURES if given.quick else STRUCTURES
    changes = QUICK if given.quick else {}
    if given.quick:
        print(f"quick: {number} structures and coarser settings ({changes}); starting up counts for more")
    shares = np.array_split(np.arange(number), given.repeats)  # both sides in turn, a share of the structures each time
    times: dict[str, list[float]] = {"plain": [], "graft": []}
    apart = [0.0, 0.0]
    for share in shares:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _write_structures(folder / "structures.extxyz", share)
            times["plain"].append(_plain(folder, changes))
            times["graft"].append(_graft(folder, changes))
            apart = np.maximum(apart, _compare(folder)).tolist()
    per_hour = {
        side: statistics.median(3600 * len(share) / seconds for share, seconds in zip(shares, taken, strict=True))
        for side, taken in times.items()
    }
    rows = [
        (side, f"{sum(times[side]):.0f}", f"{sum(times[side]) / number:.1f}", f"{per_hour[side]:.0f}")
        for side in ("plain", "graft")
    ]
    table(("side", "seconds", "seconds a label", "labels an hour"), rows)
    print(f"{CORES} cores; labels differ by at most {apart[0]:.2g} meV/atom and {apart[1]:.2g} meV/Å")
    ratio(per_hour["graft"] / per_hour["plain"])


def _write_structures(file: Path, numbers: np.ndarray) -> None:
    from ase.build import bulk
    from ase.io import write

    structures = []
    for number in numbers:
        atoms = bulk("Ge", "diamond", a=5.76, cubic=True)
        atoms.rattle(0.1, rng=np.random.default_rng(int(number)))
        structures.append(atoms)
    write(file, structures)


def _settings(changes: dict[str, float]) -> str:
    from al_core.config.labelers import GPAWLabeler

    return GPAWLabeler.model_validate(changes).model_dump_json()


def _plain(folder: Path, changes: dict[str, float]) -> float:
    arguments = [folder / "structures.extxyz", _settings(changes), folder / "plain.extxyz"]
    return _run([sys.executable, "-c", _PLAIN, *map(str, arguments)])


def _graft(folder: Path, changes: dict[str, float]) -> float:
    sets = [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]
    file, out = folder / "structures.extxyz", folder / "graft"
    return _run([str(Path(sys.executable).parent / "graft"), "label", str(file), "--out", str(out), *sets])


def _run(command: list[str]) -> float:
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    begin = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return time.perf_counter() - begin


def _compare(folder: Path) -> tuple[float, float]:
    """Return the largest difference of the two sides' energies, meV/atom, and force components, meV/Å."""
    from ase.io import read

    one, other = (read(file, ":") for file in (folder / "plain.extxyz", folder / "graft" / "labelled.extxyz"))
    energies = [abs(a.info["REF_energy"] - b.info["REF_energy"]) / len(a) for a, b in zip(one, other, strict=True)]
    forces = [np.abs(a.arrays["REF_forces"] - b.arrays["REF_forces"]).max() for a, b in zip(one, other, strict=True)]
    return 1e3 * max(energies), 1e3 * float(max(forces))


if __name__ == "__main__":
    main()
