"""One contract for all labelers, and what each is known to give."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read

from al_core.config import DatasetLabeler, EMTLabeler, GPAWLabeler, StillingerWeberLabeler
from al_core.datasets import write_labelled
from al_core.elements import CRYSTALS
from al_core.errors import ConfigError, LabelError
from al_core.hashing import digest
from al_core.labelling import obtain_label
from al_core.store import LabelStore
from al_core.types import Label, Labeler
from calculators.base import make_labeler
from calculators.emt import ELEMENTS
from calculators.gpaw_dft import n_kpoints
from calculators.neutral import NEUTRAL, neutral_potential
from calculators.stillinger_weber import PARAMETERS

ROOT = Path(__file__).resolve().parent.parent
CHEAP = {"cutoff_eV": 200, "kpt_density": 0.9, "density_convergence": 1e-6, "energy_convergence_eV": 1e-7}
STEP_A = 1e-3


@dataclass(frozen=True)
class Case:
    """A labeler under test: it, a structure it labels, and how exact its numbers are."""

    labeler: Labeler
    atoms: Atoms
    energy_eV: float  # repeatability
    force_eV_per_A: float  # against finite differences
    components: tuple[tuple[int, int], ...]
    other: Atoms | None = None  # that it labels too; distorted silicon if not given


def crystal(element: str, repeat: int = 1) -> Atoms:
    """Return a distorted diamond crystal of 8 atoms (2 with repeat=0), rounded as all structures of Graft are."""
    return distorted(bulk(element, "diamond", a=5.5, cubic=repeat > 0))


def metal(element: str) -> Atoms:
    """Return a distorted fcc crystal of 8 atoms."""
    return distorted(bulk(element, "fcc", a=1.02 * CRYSTALS[element].lattice_constant_A, cubic=True).repeat((2, 1, 1)))


def distorted(atoms: Atoms) -> Atoms:
    rng = np.random.default_rng(7)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.uniform(-0.03, 0.03, (3, 3))), scale_atoms=True)
    atoms.positions += rng.normal(0, 0.08, atoms.positions.shape)
    atoms.positions, atoms.cell = atoms.positions.round(6), atoms.cell.array.round(6)
    return atoms


def moved(atoms: Atoms, atom: int, axis: int, by: float) -> Atoms:
    copy = atoms.copy()
    copy.positions[atom, axis] += by
    return copy


COMPONENTS = ((0, 0), (1, 1), (5, 2))
SW = StillingerWeberLabeler()


def _stillinger_weber(element: str, folder: Path) -> Case:
    return Case(make_labeler(SW), crystal(element), 1e-10, 1e-5, COMPONENTS)


def _three_body(element: str, folder: Path) -> Case:
    return Case(make_labeler(StillingerWeberLabeler(three_body=1.7)), crystal(element), 1e-10, 1e-5, COMPONENTS)


def _emt(element: str, folder: Path) -> Case:
    return Case(make_labeler(EMTLabeler()), metal(element), 1e-10, 1e-5, COMPONENTS, metal("Al"))


def _dataset(element: str, folder: Path) -> Case:
    atoms = crystal(element)
    asked = [moved(atoms, *place, sign * STEP_A) for place in COMPONENTS for sign in (1, -1)]
    asked += [atoms, crystal("Si"), _translated(atoms)]
    answers = make_labeler(SW)
    write_labelled(folder / "labels.extxyz", [(one, answers.label(one, folder)) for one in asked])
    settings = DatasetLabeler(path=folder / "labels.extxyz", stress_key="REF_stress")
    return Case(make_labeler(settings), atoms, 1e-10, 1e-5, COMPONENTS)


def _gpaw(element: str, folder: Path) -> Case:
    return Case(make_labeler(GPAWLabeler(**CHEAP)), crystal(element, 0), 2e-5, 3e-3, ((1, 2),))


CASES = [
    pytest.param((_stillinger_weber, "Si"), id="stillinger_weber Si"),
    pytest.param((_stillinger_weber, "Ge"), id="stillinger_weber Ge"),
    pytest.param((_three_body, "Ge"), id="stillinger_weber Ge, other three-body strength"),
    pytest.param((_emt, "Cu"), id="emt Cu"),
    pytest.param((_emt, "Pt"), id="emt Pt"),
    pytest.param((_dataset, "Ge"), id="dataset"),
    pytest.param((_gpaw, "Ge"), id="gpaw", marks=pytest.mark.dft),
]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    make, element = request.param
    return make(element, tmp_path)


@pytest.fixture(params=CASES[:5])
def cheap_case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    make, element = request.param
    return make(element, tmp_path)


@pytest.fixture
def label(tmp_path: Path) -> Callable[[Labeler, Atoms], Label]:
    """Label a structure in a new folder."""

    def run(labeler: Labeler, atoms: Atoms) -> Label:
        folder = tmp_path / f"label-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        labeler.check(atoms)
        return labeler.label(atoms, folder)

    return run


Labelling = Callable[[Labeler, Atoms], Label]


def _translated(atoms: Atoms) -> Atoms:
    copy = atoms.copy()
    copy.positions += atoms.cell[0] + atoms.cell[2]
    copy.positions[1] -= atoms.cell[1]
    return copy


# ---- the contract ----------------------------------------------------------------------------------------------------


def test_forces_are_the_slope_of_the_energy(case: Case, label: Labelling) -> None:
    forces = label(case.labeler, case.atoms).forces
    assert np.abs(forces).max() > 0.1  # there is something to compare
    for place in case.components:
        up, down = (label(case.labeler, moved(case.atoms, *place, sign * STEP_A)).energy for sign in (1, -1))
        np.testing.assert_allclose(forces[place], -(up - down) / (2 * STEP_A), rtol=0, atol=case.force_eV_per_A)


def test_stress_is_the_slope_of_the_energy(cheap_case: Case, label: Labelling) -> None:
    atoms, labeler = cheap_case.atoms, cheap_case.labeler
    stress = label(labeler, atoms).stress
    assert np.abs(stress).min() > 1e-4
    for component, (i, j) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[i, j] += sign * 1e-5 / 2
            strain[j, i] += sign * 1e-5 / 2
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            energies.append(label(labeler, strained).energy)
        slope = (energies[0] - energies[1]) / (2 * 1e-5) / atoms.get_volume()
        np.testing.assert_allclose(stress[component], slope, rtol=0, atol=1e-6)


def test_a_label_does_not_depend_on_what_was_labelled_before(case: Case, label: Labelling) -> None:
    first = label(case.labeler, case.atoms)
    label(case.labeler, case.other or crystal("Si", 1 if len(case.atoms) == 8 else 0))
    again = label(case.labeler, case.atoms)
    np.testing.assert_allclose(again.energy, first.energy, rtol=0, atol=1e-12)
    np.testing.assert_allclose(again.forces, first.forces, rtol=0, atol=1e-10)


def test_a_label_does_not_depend_on_which_images_of_the_atoms_are_given(case: Case, label: Labelling) -> None:
    here, there = label(case.labeler, case.atoms), label(case.labeler, _translated(case.atoms))
    np.testing.assert_allclose(there.energy, here.energy, rtol=0, atol=case.energy_eV)
    np.testing.assert_allclose(there.forces, here.forces, rtol=0, atol=1e2 * case.energy_eV)
    np.testing.assert_allclose(there.stress, here.stress, rtol=0, atol=1e2 * case.energy_eV)


def test_the_structure_is_left_unchanged(case: Case, label: Labelling) -> None:
    atoms = case.atoms.copy()
    atoms.info["config_type"] = "x"
    before = atoms.copy()
    label(case.labeler, atoms)
    assert atoms == before
    assert atoms.calc is None
    assert (atoms.info, set(atoms.arrays)) == (before.info, set(before.arrays))


def test_a_label_comes_back_from_the_store_bit_for_bit(case: Case, tmp_path: Path) -> None:
    given: list[Label] = []
    compute = case.labeler.label

    class Watched:
        def __getattr__(self, name: str) -> object:
            return getattr(case.labeler, name)

        def label(self, atoms: Atoms, directory: Path) -> Label:
            given.append(compute(atoms, directory))
            return given[0]

    store = LabelStore(tmp_path / "labels.db")
    obtain_label(store, Watched(), case.atoms, tmp_path / "labels")
    kept = obtain_label(LabelStore(store.path), Watched(), case.atoms, tmp_path / "labels").label
    assert len(given) == 1
    assert kept.energy == given[0].energy
    np.testing.assert_array_equal(kept.forces, given[0].forces)
    np.testing.assert_array_equal(kept.stress, given[0].stress)
    assert (kept.core_seconds, kept.provenance) == (given[0].core_seconds, given[0].provenance)


def test_the_identity_is_json_and_always_the_same(case: Case) -> None:
    identity = case.labeler.identity()
    assert identity["kind"] == case.labeler.name
    assert json.loads(json.dumps(identity)) == identity == case.labeler.identity()


def test_the_identity_changes_with_what_changes_the_label(tmp_path: Path) -> None:
    settings = [GPAWLabeler(), GPAWLabeler(cutoff_eV=400), GPAWLabeler(xc="LDA"), GPAWLabeler(kpt_density=5), SW]
    settings += [EMTLabeler(), *(StillingerWeberLabeler(three_body=factor) for factor in (0.8, 1.2))]
    assert len({digest(make_labeler(one).identity()) for one in settings}) == len(settings)
    assert make_labeler(GPAWLabeler(timeout_s=5)).identity() == make_labeler(GPAWLabeler()).identity()


def test_the_identity_of_a_data_set_is_its_content(tmp_path: Path) -> None:
    one = _dataset("Ge", tmp_path).labeler.identity()
    with (tmp_path / "labels.extxyz").open("a") as file:
        file.write("\n")
    other = make_labeler(DatasetLabeler(path=tmp_path / "labels.extxyz", stress_key="REF_stress")).identity()
    assert one != other


# ---- Stillinger-Weber ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("element", "a_A", "cohesive_eV"), [("Si", 5.431, -4.3366), ("Ge", 5.654, -3.86)])
def test_stillinger_weber_has_its_known_crystal(element: str, a_A: float, cohesive_eV: float, label: Labelling) -> None:
    sigma, epsilon = PARAMETERS[element]["sigma"], PARAMETERS[element]["epsilon"]
    # the pair term is lowest at 2^(1/6) sigma, and the bond of the crystal is sqrt(3)/4 of its lattice constant
    a = 4 / np.sqrt(3) * 2 ** (1 / 6) * sigma
    assert a == pytest.approx(a_A, abs=5e-4)
    said = label(make_labeler(SW), bulk(element, "diamond", a=a, cubic=True))
    assert said.energy / 8 == pytest.approx(-2 * epsilon, abs=1e-6)
    assert said.energy / 8 == pytest.approx(cohesive_eV, abs=1e-4)
    np.testing.assert_allclose(said.forces, 0, atol=1e-9)
    np.testing.assert_allclose(said.stress, 0, atol=1e-5)


def test_the_energy_of_a_larger_cell_is_that_many_times_larger(cheap_case: Case, label: Labelling) -> None:
    one = label(cheap_case.labeler, cheap_case.atoms)
    eight = label(cheap_case.labeler, cheap_case.atoms.repeat(2))
    np.testing.assert_allclose(eight.energy, 8 * one.energy, rtol=1e-10)
    np.testing.assert_allclose(eight.forces[:8], one.forces, atol=1e-9)
    np.testing.assert_allclose(eight.stress, one.stress, atol=1e-9)


@pytest.mark.parametrize("symbols", ["C2", "SiGe", ""])
def test_stillinger_weber_refuses_what_it_has_no_parameters_for(symbols: str) -> None:
    atoms = Atoms(symbols, [[0, 0, 2.4 * number] for number in range(len(Atoms(symbols)))])
    with pytest.raises(LabelError, match="Stillinger-Weber labels one of Si, Ge, not "):
        make_labeler(SW).check(atoms)


def test_only_the_three_body_term_is_scaled(label: Labelling) -> None:
    def energy(factor: float, atoms: Atoms) -> float:
        return label(make_labeler(StillingerWeberLabeler(three_body=factor)), atoms).energy

    # the energy is a straight line in the factor: two-body energy + factor * three-body energy
    weak, known, strong = (energy(factor, crystal("Ge")) for factor in (0.5, 1.0, 1.5))
    three_body = strong - weak
    assert three_body > 0.1
    assert strong - known == pytest.approx(three_body / 2, abs=1e-9)
    assert known == label(make_labeler(SW), crystal("Ge")).energy
    # no angle of the perfect crystal is bent
    perfect = bulk("Ge", "diamond", a=5.66, cubic=True)
    assert energy(1.5, perfect) == pytest.approx(energy(0.5, perfect), abs=1e-9)


def test_the_known_three_body_strength_leaves_keys_as_they_were() -> None:
    known = make_labeler(StillingerWeberLabeler(three_body=1)).identity()
    assert (
        known
        == make_labeler(SW).identity()
        == {"kind": "stillinger_weber", "parameters": PARAMETERS} | {"matscipy": known["matscipy"]}
    )
    # committees and test sets are found again by their settings
    assert StillingerWeberLabeler(three_body=1).model_dump(mode="json") == {"kind": "stillinger_weber"}
    changed = StillingerWeberLabeler(three_body=0.8)
    assert changed.model_dump(mode="json") == {"kind": "stillinger_weber", "three_body": 0.8}
    assert make_labeler(changed).identity() == known | {"three_body": 0.8}


# ---- effective medium theory -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("element", ELEMENTS)
def test_emt_has_the_known_fcc_crystal(element: str, label: Labelling) -> None:
    scales = np.linspace(0.98, 1.02, 9)
    known_A = CRYSTALS[element].lattice_constant_A
    crystals = [bulk(element, "fcc", a=scale * known_A, cubic=True) for scale in scales]
    energies = [label(make_labeler(EMTLabeler()), atoms).energy / 4 for atoms in crystals]
    curvature, slope, _ = np.polyfit(scales, energies, 2)
    assert -slope / (2 * curvature) == pytest.approx(1, abs=0.02)  # lattice constant against experiment
    assert min(energies) == pytest.approx(0, abs=0.02)  # eV/atom, counted from the crystal


def test_emt_labels_an_alloy(label: Labelling) -> None:
    alloy = metal("Cu")
    alloy.symbols[2] = "Au"
    pure, mixed = (label(make_labeler(EMTLabeler()), atoms) for atoms in (metal("Cu"), alloy))
    assert np.abs(mixed.forces - pure.forces).max() > 0.1


@pytest.mark.parametrize("symbols", ["Si2", "CuSi", "CO", ""])
def test_emt_refuses_what_it_has_no_parameters_for(symbols: str) -> None:
    atoms = Atoms(symbols, [[0, 0, 2.4 * number] for number in range(len(Atoms(symbols)))])
    with pytest.raises(LabelError, match="EMT labels Al, Cu, Ag, Au, Ni, Pd, Pt, not "):
        make_labeler(EMTLabeler()).check(atoms)


# ---- the sampler's potentials ----------------------------------------------------------------------------------------


def test_the_neutral_potential_of_an_element_is_the_one_that_knows_it(label: Labelling) -> None:
    for labeler, atoms in ((SW, crystal("Si")), (SW, crystal("Ge")), (EMTLabeler(), metal("Cu"))):
        copy = atoms.copy()
        copy.calc = neutral_potential(atoms.get_chemical_symbols()[0])
        assert copy.get_potential_energy() == label(make_labeler(labeler), atoms).energy
    with pytest.raises(LabelError, match=r"a neutral potential of Si, Ge, Al, Cu, .*, not of W"):
        neutral_potential("W")


def test_every_element_with_a_neutral_potential_has_a_known_crystal() -> None:
    assert set(NEUTRAL) == {*PARAMETERS, *ELEMENTS} <= set(CRYSTALS)


# ---- data sets -------------------------------------------------------------------------------------------------------


def test_a_data_set_costs_nothing_and_refuses_what_it_does_not_hold(tmp_path: Path) -> None:
    case = _dataset("Ge", tmp_path)
    assert case.labeler.estimate_core_seconds(case.atoms) == 0
    assert case.labeler.label(case.atoms, tmp_path).core_seconds == 0
    with pytest.raises(LabelError, match="is not in the data set"):
        case.labeler.check(moved(case.atoms, 0, 0, 0.1))


def test_a_data_set_that_is_missing_is_told_when_it_is_asked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.extxyz: no such file"):
        make_labeler(DatasetLabeler(path=tmp_path / "gone.extxyz")).check(crystal("Ge"))


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


def test_the_k_point_mesh_is_even_and_halved_by_time_reversal() -> None:
    cube = Atoms("Ge", cell=[2 * np.pi] * 3, pbc=True)  # reciprocal vectors of 1 Å^-1
    assert n_kpoints(cube, 2.0) == 2 * 2 * 2 // 2
    assert n_kpoints(cube, 2.1) == 4 * 4 * 4 // 2


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
    entry = obtain_label(store, make_labeler(GPAWLabeler(kpt_density=2.0)), atoms, tmp_path / "labels")
    assert entry.state == "done", entry.cause
    assert -4.7 < entry.label.energy / 2 < -4.2  # eV/atom from GPAW's atoms; the crystal has -4.5
    assert entry.label.forces.shape == (2, 3)
    assert 0.1 < np.abs(entry.label.forces).max() < 5
    np.testing.assert_allclose(entry.label.forces.sum(axis=0), 0, atol=0.02)
    assert entry.label.stress.shape == (6,)
    assert np.isfinite(entry.label.stress).all()
    assert entry.label.core_seconds > 1
    assert 1 < entry.label.provenance["scf_steps"] < 100
    assert entry.label.provenance["labeler"]["cutoff_eV"] == 300
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
def test_a_calculation_that_takes_too_long_is_stopped_and_may_be_tried_again(tmp_path: Path) -> None:
    labeler = make_labeler(GPAWLabeler(timeout_s=0.5))
    begin = time.monotonic()
    with pytest.raises(LabelError, match=r"longer than timeout_s=0\.5 s; output in") as failed:
        labeler.label(crystal("Ge"), tmp_path)
    assert time.monotonic() - begin < 20
    assert failed.value.transient
    assert failed.value.core_seconds == 0.5
    assert _workers_of(os.getpid(), tmp_path) == []


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
    os.kill(_wait_for(lambda: _workers_of(os.getpid(), tmp_path))[0], signal.SIGKILL)
    thread.join(60)
    assert [failure.transient for failure in failures] == [True]
    assert "the GPAW process ended with code -9; output in" in str(failures[0])


@pytest.mark.dft
def test_a_calculation_ends_when_the_study_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ase.build import bulk\n"
        "from al_core.config import GPAWLabeler; from calculators.base import make_labeler\n"
        "make_labeler(GPAWLabeler(kpt_density=8)).label(bulk('Ge', a=5.7, cubic=True), Path(sys.argv[1]))\n"
    )
    study = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT)
    try:
        worker = _wait_for(lambda: _workers_of(study.pid, tmp_path))[0]
        _wait_for((tmp_path / "gpaw.txt").exists)
    finally:
        study.kill()
        study.wait()
    _wait_for(lambda: not Path(f"/proc/{worker}").exists() or _state(worker) == "Z")


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _workers_of(parent: int, directory: Path) -> list[int]:
    """Return the labelling processes that a process started for a folder and that are still there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode().split("\0")
            of = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, UnicodeDecodeError):
            continue
        if of == parent and "calculators._gpaw_worker" in command and str(directory) in command:
            found.append(int(process.name))
    return found


def _wait_for(happened: Callable[[], object], seconds: float = 60) -> object:
    deadline = time.monotonic() + seconds
    while not (result := happened()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return result
