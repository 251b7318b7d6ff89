"""What GPAW refuses, what a label costs, and real calculations: finished, failed, stopped and killed."""

import errno
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read

from al_core.config.labelers import GPAWLabeler, Parallel
from al_core.errors import LabelError
from al_core.labels.obtaining import obtain_label
from al_core.labels.store import LabelStore
from calculators.base import make_labeler
from calculators.gpaw.labeler import n_kpoints
from calculators.guarded import cause
from tests.calculators.cases import CHEAP, crystal

ROOT = Path(__file__).resolve().parents[3]
PARALLEL = Parallel(processes=2, from_atoms=8)


@pytest.fixture(autouse=True)
def mpiexec_of_the_test_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)


# ---- GPAW without a calculation --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"pbc": [True, True, False]}, "periodic in all three directions, got pbc=.*put a molecule or slab into a box"),
        ({"pbc": False}, "periodic in all three directions"),
        ({"cell": [0.1, 0.1, 0.1]}, "the cell has a volume of 0.001"),
    ],
)
def test_gpaw_refuses_a_cell_it_cannot_calculate(change: dict[str, object], expected: str) -> None:
    atoms = crystal("Ge")
    if "pbc" in change:
        atoms.pbc = change["pbc"]
    else:
        atoms.cell = change["cell"]
    with pytest.raises(LabelError, match=expected):
        make_labeler(GPAWLabeler()).check(atoms)


def test_gpaw_refuses_atoms_on_top_of_each_other() -> None:
    atoms = crystal("Ge")
    atoms.positions[1] = atoms.positions[0]
    with pytest.raises(LabelError, match=r"two atoms 0\.00 Å apart"):
        make_labeler(GPAWLabeler()).check(atoms)


def test_the_k_point_mesh_is_even_if_asked_and_halved_by_time_reversal() -> None:
    cube = Atoms("Ge", cell=[2 * np.pi] * 3, pbc=True)  # reciprocal vectors of 1 Å^-1
    assert n_kpoints(cube, 2.0, even=True) == 2 * 2 * 2 // 2
    assert n_kpoints(cube, 2.1, even=True) == 4 * 4 * 4 // 2
    assert n_kpoints(cube, 2.1, even=False) == 14  # of 27, with gamma


def test_the_estimated_cost_rises_with_atoms_cutoff_and_k_points() -> None:
    small, large = crystal("Ge"), crystal("Ge").repeat((2, 1, 1))

    def cost(atoms: Atoms, **settings: float) -> float:
        return make_labeler(GPAWLabeler(**settings)).estimate_core_seconds(atoms)

    assert cost(small) < cost(large)
    assert cost(small) < cost(small, cutoff_eV=500)
    assert cost(small) < cost(small, kpt_density=6)


# ---- GPAW ------------------------------------------------------------------------------------------------------------


@pytest.mark.dft
def test_a_real_label_of_germanium(tmp_path: Path) -> None:
    atoms = bulk("Ge", "diamond", a=5.76)
    atoms.positions[1] += [0.1, 0.0, 0.05]
    store = LabelStore(tmp_path / "labels.db")
    entry = obtain_label(store, make_labeler(GPAWLabeler(kpt_density=2.0)), atoms, tmp_path / "labels").entry
    assert entry.state == "done", entry.cause
    assert -4.7 < entry.label.energy / 2 < -4.2  # eV/atom from GPAW's atoms; the crystal has -4.5
    assert entry.label.forces.shape == (2, 3)
    assert 0.1 < np.abs(entry.label.forces).max() < 5
    np.testing.assert_allclose(entry.label.forces.sum(axis=0), 0, atol=0.02)
    assert entry.label.stress.shape == (6,)
    assert np.isfinite(entry.label.stress).all()
    assert entry.label.core_seconds > 1
    assert 1 < entry.label.provenance["scf_steps"] < 100
    assert entry.label.provenance["labeler"]["cutoff_eV"] == 250
    assert entry.label.provenance["labeler"]["energy"] == "free"
    output = (tmp_path / "labels" / entry.key / "gpaw.txt").read_text()
    assert "Converged" in output or "converged" in output
    kept = read(tmp_path / "labels" / entry.key / "structure.json")
    np.testing.assert_allclose(kept.positions, atoms.positions)


@pytest.mark.dft
def test_a_calculation_that_does_not_converge_is_a_final_failure(tmp_path: Path) -> None:
    labeler = make_labeler(GPAWLabeler(**CHEAP, max_scf_steps=1))
    with pytest.raises(LabelError, match=r"GPAW: .*onverge.*output in") as failed:
        labeler.label(crystal("Ge", 0), tmp_path)
    assert not failed.value.transient
    assert failed.value.core_seconds > 0.1
    assert (tmp_path / "gpaw.txt").stat().st_size > 0


@pytest.mark.dft
def test_all_ways_give_the_same_label(tmp_path: Path) -> None:
    labeler = make_labeler(GPAWLabeler(**CHEAP))
    labels = [labeler.label(crystal("Ge"), _made(tmp_path / str(rung)), rung) for rung in range(labeler.rungs)]
    assert [label.provenance["rung"] for label in labels] == [0, 1, 2]
    assert labels[1].provenance["scf_steps"] > labels[0].provenance["scf_steps"], "it converged twice"
    for label in labels[1:]:
        assert label.energy == pytest.approx(labels[0].energy, abs=1e-6)
        np.testing.assert_allclose(label.forces, labels[0].forces, rtol=0, atol=3e-4)
        np.testing.assert_allclose(label.stress, labels[0].stress, rtol=0, atol=3e-6)


@pytest.mark.dft
def test_a_structure_that_never_converges_climbs_the_ladder_and_is_given_up(tmp_path: Path) -> None:
    store, labeler = LabelStore(tmp_path / "labels.db"), make_labeler(GPAWLabeler(**CHEAP, max_scf_steps=1))
    entry = obtain_label(store, labeler, crystal("Ge", 0), tmp_path / "labels").entry
    attempts = store.attempts(entry.key)
    assert (entry.state, [one.rung for one in attempts]) == ("failed", [0, 1, 2])
    assert entry.core_seconds == pytest.approx(sum(one.core_seconds for one in attempts))
    for one in attempts:
        assert "onverge" in one.cause
        assert one.core_seconds > 0.1
        assert (Path(one.files) / "gpaw.txt").stat().st_size > 0


@pytest.mark.dft
def test_atoms_too_close_are_quarantined_without_climbing_the_ladder(tmp_path: Path) -> None:
    atoms = crystal("Ge", 0)
    atoms.set_distance(0, 1, 1.2, fix=0)
    store = LabelStore(tmp_path / "labels.db")
    entry = obtain_label(store, make_labeler(GPAWLabeler(**CHEAP)), atoms, tmp_path / "labels").entry
    assert entry.state == "failed"
    assert re.search(r"a force of \d+ eV/Å, more than 50: .* the shortest distance is 1\.20 Å", entry.cause)
    (attempt,) = store.attempts(entry.key)
    assert attempt.final
    assert entry.core_seconds == attempt.core_seconds > 0


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 8 GiB"),
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), "gpaw/new/etdm"),
        ImportError(f"libxc.so: failed to map segment from shared object: {os.strerror(errno.ENOMEM)}"),
    ],
)
def test_memory_that_ran_out_is_called_so_wherever_it_did(error: Exception) -> None:
    assert cause(error).startswith("MemoryError: ")


def test_numpy_that_fails_without_a_word_lacks_memory_where_there_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    error = SystemError("<ufunc 'divmod'> returned NULL without setting an exception")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert cause(error).startswith("SystemError: ")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (300 << 20, 300 << 20))
    assert cause(error).startswith("MemoryError: SystemError: ")


def test_a_cause_is_the_kind_and_the_first_line() -> None:
    assert cause(ValueError("no k-points\nat all")) == "ValueError: no k-points"


@pytest.mark.dft
def test_a_calculation_without_enough_memory_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"GPAW: MemoryError: .*output in") as failed:
        make_labeler(GPAWLabeler(**CHEAP, memory_limit_MB=300)).label(crystal("Ge"), tmp_path)
    assert failed.value.core_seconds > 0.1


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.dft
def test_a_calculation_that_takes_too_long_is_stopped_and_may_be_tried_again(tmp_path: Path) -> None:
    labeler = make_labeler(GPAWLabeler(timeout_s=0.5))
    begin = time.monotonic()
    with pytest.raises(LabelError, match=r"longer than timeout_s=0\.5 s; output in") as failed:
        labeler.label(crystal("Ge"), tmp_path)
    assert time.monotonic() - begin < 20
    assert failed.value.transient
    assert failed.value.core_seconds == 0.5
    assert _workers(tmp_path, os.getpid()) == []


@pytest.mark.dft
def test_a_calculation_that_is_killed_may_be_tried_again(tmp_path: Path) -> None:
    failures: list[LabelError] = []

    def run() -> None:
        try:
            make_labeler(GPAWLabeler()).label(crystal("Ge"), tmp_path)
        except LabelError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    os.kill(_wait_for(lambda: _workers(tmp_path, os.getpid()))[0], signal.SIGKILL)
    thread.join(60)
    assert [failure.transient for failure in failures] == [True]
    assert "the GPAW process ended with code -9; output in" in str(failures[0])


@pytest.mark.dft
@pytest.mark.parametrize("processes", [1, 2])
def test_a_calculation_ends_when_the_study_is_killed(tmp_path: Path, processes: int) -> None:
    program = (
        "import sys; from pathlib import Path; from ase.build import bulk\n"
        "from al_core.config.labelers import GPAWLabeler; from calculators.base import make_labeler\n"
        "parallel = {'processes': 2, 'from_atoms': 8, 'launcher': sys.argv[2]} if sys.argv[2] else None\n"
        "labeler = make_labeler(GPAWLabeler(kpt_density=8, parallel=parallel))\n"
        "labeler.label(bulk('Ge', a=5.7, cubic=True), Path(sys.argv[1]))\n"
    )
    launcher = PARALLEL.launcher if processes > 1 else ""
    study = subprocess.Popen([sys.executable, "-c", program, str(tmp_path), launcher], cwd=ROOT)
    try:
        _wait_for(lambda: len(_workers(tmp_path)) == processes)
        _wait_for((tmp_path / "gpaw.txt").exists)
    finally:
        study.kill()
        study.wait()
    _wait_for(lambda: not _workers(tmp_path), 15)


def _workers(directory: Path, parent: int | None = None) -> list[int]:
    """Return the processes that label in a folder, of one parent or of any."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode().split("\0")  # empty where it is over
            of = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, UnicodeDecodeError):
            continue
        if command[2:4] == ["calculators.gpaw._worker", str(directory)] and parent in (of, None):
            found.append(int(process.name))
    return found


def _wait_for(happened: Callable[[], object], seconds: float = 60) -> object:
    deadline = time.monotonic() + seconds
    while not (result := happened()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return result


# ---- several processes -----------------------------------------------------------------------------------------------


def test_only_large_cells_take_several_cores() -> None:
    labeler = make_labeler(GPAWLabeler(parallel=Parallel(processes=4, from_atoms=8)))
    assert (labeler.cores(crystal("Ge", 0)), labeler.cores(crystal("Ge"))) == (1, 4)
    assert labeler.identity() == make_labeler(GPAWLabeler()).identity()


@pytest.mark.dft
def test_two_processes_give_the_label_of_one(tmp_path: Path) -> None:
    alone = make_labeler(GPAWLabeler(**CHEAP)).label(crystal("Ge"), _made(tmp_path / "alone"))
    both = make_labeler(GPAWLabeler(**CHEAP, parallel=PARALLEL)).label(crystal("Ge"), _made(tmp_path / "both"))
    assert (alone.provenance["processes"], both.provenance["processes"]) == (1, 2)
    assert both.energy == pytest.approx(alone.energy, abs=1e-6)
    np.testing.assert_allclose(both.forces, alone.forces, rtol=0, atol=1e-5)
    np.testing.assert_allclose(both.stress, alone.stress, rtol=0, atol=1e-6)


@pytest.mark.dft
def test_the_failure_of_two_processes_is_told_by_one(tmp_path: Path) -> None:
    labeler = make_labeler(GPAWLabeler(**CHEAP, max_scf_steps=1, parallel=PARALLEL))
    with pytest.raises(LabelError, match=r"GPAW: .*onverge.*output in"):
        labeler.label(crystal("Ge"), tmp_path)
