"""What a user can get wrong: one clear error with exit code 2 before any work starts, and nothing is written."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.db import connect
from ase.io import write

import al_core.datasets
import flows
import flows.cli
import flows.preflight
from al_core.hashing import file_sha256
from al_core.store import LabelStore

ROOT = Path(__file__).resolve().parent.parent
STUDY = """\
name: small
target: Ge
source:
  kind: pretrain
  element: Si
  structures:
    kind: md
    slices:
      - {name: cold, count: 10, temperature_K: 300}
      - {name: hot, count: 6, temperature_K: 1500}
  labeler: stillinger_weber
  committee: 2
  model: {channels: 8}
labeler: stillinger_weber
pool:
  kind: md
  seed: 2
  slices:
    - {name: cold, count: 6, temperature_K: 300}
    - {name: hot, count: 4, temperature_K: 1500}
test:
  kind: md
  seed: 3
  slices:
    - {name: cold-too, count: 3, temperature_K: 300}
budgets: [1, 2, 4]
arms: [scratch, transfer, rescaled]
acquisitions: [random, uncertainty]
seeds: [0]
committee: 2
"""


class StartedError(AssertionError):
    """The work began: what was asked for was found good."""


def _start(*arguments: object, **named: object) -> None:
    raise StartedError


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a good config in it, in which no flow can start."""
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(STUDY)
    for flow in ("data_budget_study", "label_structures", "pretrain"):
        monkeypatch.setattr(flows, flow, _start, raising=False)
    return tmp_path


Refused = Callable[..., str]


@pytest.fixture
def refused(workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run ``graft`` in this process, assert that it refuses as it should, and return the message."""

    def run(*arguments: object) -> str:
        before = _contents(workdir)
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["graft", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            flows.cli.main()
        out, err = capsys.readouterr()
        assert stopped.value.code == 2
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("error: ") == 1
        assert "Traceback" not in err
        assert _contents(workdir) == before, "something was written"
        return err

    return run


@pytest.fixture
def refused_study(refused: Refused) -> Refused:
    """Run a small study with ``--set`` changes and assert that it is refused."""
    return lambda *changes: refused("study", "run", "small.yaml", "--out", "out", *_sets(changes))


def _sets(changes: tuple[str, ...]) -> list[str]:
    return [part for change in changes for part in ("--set", change)]


def _contents(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def germanium(seed: int, element: str = "Ge") -> Atoms:
    atoms = bulk(element, "diamond", a=5.66, cubic=True)
    atoms.positions += np.random.default_rng(seed).normal(0, 0.05, atoms.positions.shape)
    return atoms


def labelled(seed: int, element: str = "Ge", energy: str = "REF_energy", forces: str = "REF_forces") -> Atoms:
    atoms = germanium(seed, element)
    atoms.info[energy] = -30.0
    atoms.arrays[forces] = np.full((len(atoms), 3), 0.1)
    return atoms


def file_of(name: str, *frames: Atoms) -> str:
    """Write an extxyz file and return the YAML of the structures in it."""
    write(name, list(frames), format="extxyz")
    return f"{{kind: file, path: {name}}}"


# ---- the control: all of this is refused for its fault alone ---------------------------------------------------------


def test_the_unchanged_config_is_not_refused(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["graft", "study", "run", "small.yaml", "--out", "out"])
    with pytest.raises(StartedError):
        flows.cli.main()


def test_good_files_and_bundles_are_not_refused(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundles("source", "Si", "Si")
    changes = (
        f"pool={file_of('pool.extxyz', *map(labelled, range(6)))}",
        f"test={file_of('test.extxyz', *map(labelled, range(10, 13)))}",
        "labeler={kind: dataset, path: pool.extxyz}",
        "source={kind: bundles, path: source}",
    )
    monkeypatch.setattr(sys, "argv", ["graft", "study", "run", "small.yaml", "--out", "out", *_sets(changes)])
    with pytest.raises(StartedError):
        flows.cli.main()


# ---- the YAML file ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "place", "nearest"),
    [
        ("taget=Ge", "", "target"),
        ("pool.slice=[]", "pool", "slices"),
        ("pool.slices.0.cout=3", "pool.slices.0", "count"),
        ("source.model.chanels=3", "source.model", "channels"),
        ("source.structures.slices.1.temperature=3", "source.structures.slices.1", "temperature_K"),
        ("training.batchsize=3", "training", "batch_size"),
        ("arms.1.learning_rat=0.1", "arms.1", "learning_rate"),
        ("labeler={kind: gpaw, cutof_eV: 300}", "labeler", "cutoff_eV"),
    ],
)
def test_an_unknown_key_is_refused_at_any_depth_and_the_nearest_named(
    refused_study: Refused, change: str, place: str, nearest: str
) -> None:
    message = refused_study(change)
    key = re.split(r"[.={:, ]+", change.partition("=")[0])[-1] if "{" not in change else "cutof_eV"
    line = next(line.strip() for line in message.splitlines() if "unknown key" in line)
    assert line.startswith(f"{place}: unknown key {key!r}" if place else f"unknown key {key!r}")
    assert f"did you mean {nearest!r}?" in line


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("budgets=4", "budgets: input should be a list, got 4"),
        ("budgets=[one]", "budgets.0: input should be a valid integer"),
        ("budgets=[1.5]", "budgets.0: input should be a valid integer"),
        ("budgets=[true]", "budgets is not a matter of true or false"),
        ("training.steps=many", "training.steps: input should be a valid integer"),
        ("training.steps=yes", "training: steps is not a matter of true or false"),
        ("training=5", "training: input should be a valid dictionary"),
        ("pool=5", "pool: needs a 'kind'"),
        ("source=null", "source: needs a 'kind'"),
        ("target=32", "target: input should be a valid string, got 32"),
        ("arms=transfer", "arms: input should be a list, got 'transfer'"),
        (
            "labeler={kind: stillinger_weber, three_body: soft}",
            "labeler.three_body: input should be a valid number, unable to parse string as a number, got 'soft'",
        ),
        ("labeler={kind: stillinger_weber, three_body: yes}", "labeler: three_body is not a matter of true or false"),
        ("labeler={kind: stillinger_weber, three_body: .inf}", "labeler.three_body: input should be a finite number"),
        ("name=a/b", "name: string should match pattern"),
        (
            "arms=[{kind: scratch, learning_rate: .nan}]",
            "arms.0.learning_rate: input should be a finite number, got nan",
        ),
        ("source.model.r_max=.inf", "source.model.r_max: input should be a finite number, got inf"),
    ],
)
def test_a_wrong_type_is_refused_with_its_key(refused_study: Refused, change: str, expected: str) -> None:
    assert f"  {expected}" in refused_study(change)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("arms=[scratch, transfre]", "arms.1: unknown kind 'transfre'; did you mean 'transfer'?"),
        ("acquisitions=[uncertain]", "acquisitions.0: unknown kind 'uncertain'; did you mean 'uncertainty'?"),
        ("labeler=gpow", "labeler: unknown kind 'gpow'; did you mean 'gpaw'?"),
        ("pool.kind=mdd", "pool: unknown kind 'mdd'; did you mean 'md'?"),
        ("source.kind=bundle", "source: unknown kind 'bundle'; did you mean 'bundles'?"),
        ("shared_leader=rescale", "shared_leader: 'rescale' is not one of the arms; did you mean 'rescaled'?"),
        ("comparisons=[share]", "comparisons.0: input should be 'shared' or 'own', got 'share'"),
        ("device=gpu", "device: string should match pattern '^(auto|cpu|cuda"),
    ],
)
def test_an_unknown_name_is_refused_and_the_known_ones_listed(
    refused_study: Refused, change: str, expected: str
) -> None:
    assert f"  {expected}" in refused_study(change)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("budgets=[4, 2]", "budgets must increase, got [4, 2]"),
        ("budgets=[2, 2]", "budgets names something twice: [2, 2]"),
        ("budgets=[]", "budgets is empty"),
        ("arms=[]", "arms is empty"),
        ("arms=[scratch, scratch]", "arms names something twice"),
        ("seeds=[0, 0]", "seeds names something twice: [0, 0]"),
        ("committee=3", "committee of 3 needs as many source models, the source has 2"),
        ("source.labeler=null", "source: structures of kind 'md' have no labels: a labeler is needed"),
    ],
)
def test_a_contradiction_is_refused(refused_study: Refused, change: str, expected: str) -> None:
    assert f"  {expected}" in refused_study(change)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            "arms.0={kind: scratch, learning_rate: -0.1}",
            "arms.0.learning_rate: input should be greater than 0, got -0.1",
        ),
        ("source.learning_rate=0", "source.learning_rate: input should be greater than 0, got 0"),
        ("pool.slices.0.count=-2", "pool.slices.0.count: input should be greater than or equal to 1, got -2"),
        ("pool.slices.0.temperature_K=-300", "pool.slices.0.temperature_K: input should be greater than or equal to 1"),
        ("pool.slices.0.vacancies=-1", "pool.slices.0.vacancies: input should be greater than or equal to 0, got -1"),
        ("pool.slices.0.vacancies=8", "pool.slices.0: vacancies must leave 2 of the 8 atoms (repeat=1), got 8"),
        ("training.steps=-1", "training.steps: input should be greater than or equal to 0, got -1"),
        ("training.batch_size=0", "training.batch_size: input should be greater than or equal to 1, got 0"),
        ("training.energy_weight=-1", "training.energy_weight: input should be greater than or equal to 0, got -1"),
        ("budgets=[0, 1]", "budgets.0: input should be greater than or equal to 1, got 0"),
        ("seeds=[-1]", "seeds.0: input should be greater than or equal to 0, got -1"),
        ("workers=-1", "workers: input should be greater than or equal to 0, got -1"),
        ("committee=1", "committee: input should be greater than or equal to 2, got 1"),
        ("max_failed_share=2", "max_failed_share: input should be less than or equal to 1, got 2"),
        ("labeler={kind: gpaw, cutoff_eV: -300}", "labeler.cutoff_eV: input should be greater than or equal to 100"),
        ("labeler={kind: gpaw, smearing_eV: 0}", "labeler.smearing_eV: input should be greater than 0, got 0"),
        (
            "labeler={kind: stillinger_weber, three_body: 0}",
            "labeler.three_body: input should be greater than 0, got 0",
        ),
        ("labeler={kind: stillinger_weber, three_body: -1}", "labeler.three_body: input should be greater than 0, got"),
    ],
)
def test_a_number_out_of_range_is_refused_with_what_is_expected(
    refused_study: Refused, change: str, expected: str
) -> None:
    assert f"  {expected}" in refused_study(change)


def test_vacancies_are_counted_in_the_elements_own_cell(refused_study: Refused) -> None:
    changes = ("target=Cu", "labeler=emt", "pool.slices.1.vacancies=3")
    assert "pool: slice hot: vacancies must leave 2 of the 4 atoms of Cu (repeat=1), got 3" in refused_study(*changes)


def test_all_faults_are_told_at_once(refused_study: Refused) -> None:
    message = refused_study("budgets=4", "arms=[transfre]", "training.step=3", "workers=-1")
    assert [key for key in ("budgets", "arms.0", "training", "workers") if f"  {key}: " not in message] == []


def test_a_missing_key_is_named(refused: Refused) -> None:
    text = "".join(line for line in STUDY.splitlines(keepends=True) if not line.startswith("budgets"))
    Path("study.yaml").write_text(text)
    assert "  budgets: is required (in the file, or with --set budgets=...)" in refused("study", "run", "study.yaml")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "config study.yaml is empty"),
        (b"# only a comment\n", "config study.yaml is empty"),
        (b"- a\n- b\n", "config study.yaml: expected keys and values, got a list"),
        (b"name: [1,\nb: }", "config study.yaml is not YAML: .*line 2"),
        (b"name:\n\tx: 1\n", "config study.yaml is not YAML: .*line 2"),
        (b"\xff\xfe\x00binary", "config study.yaml is not YAML"),
        (
            STUDY.encode() + b"\nbudgets: [1]\n",
            "config study.yaml is not YAML: key 'budgets' stands twice .*line 32",
        ),
    ],
    ids=["empty", "comment", "list", "broken", "tab", "binary", "key twice"],
)
@pytest.mark.parametrize("command", ["study run", "study plan", "pretrain"])
def test_a_file_that_is_no_config_is_refused(refused: Refused, command: str, content: bytes, expected: str) -> None:
    Path("study.yaml").write_bytes(content)
    assert re.search(expected, refused(*command.split(), "study.yaml"))


def test_a_missing_config_is_refused(refused: Refused) -> None:
    assert "config nowhere.yaml: no such file" in refused("study", "run", "nowhere.yaml")


def test_a_folder_in_the_place_of_a_config_is_refused(refused: Refused, workdir: Path) -> None:
    assert f"config {workdir}: is a folder, not a file" in refused("study", "run", workdir)


def test_a_study_given_to_pretrain_is_refused(refused: Refused) -> None:
    message = refused("pretrain", "small.yaml")
    assert "unknown key 'target'" in message
    assert "known: committee, device, element" in message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("budgets", "--set budgets: expected key.path=value"),
        ("=3", "--set =3: expected key.path=value"),
        ("budgets=[1,", "--set budgets=[1,: the value is not YAML"),
        ("pool.slices.9.count=3", "--set pool.slices.9.count=3: 9 is not an index of a list of 2"),
        ("pool.slices.-1.count=3", "--set pool.slices.-1.count=3: -1 is not an index of a list of 2"),
        ("pool.slices.first.count=3", "--set pool.slices.first.count=3: first is not an index of a list of 2"),
        ("seeds.1=3", "--set seeds.1=3: 1 is not an index of a list of 1"),
        ("committee.size=3", "--set committee.size=3: committee is a value, it has no keys"),
    ],
)
def test_a_change_that_does_not_fit_is_refused(refused_study: Refused, change: str, expected: str) -> None:
    assert f"error: {expected}\n" in refused_study(change)


# ---- elements --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["target=Gee"], "target: 'Gee' is not a chemical element"),
        (["target=W"], "pool: the neutral sampler knows Si, Ge, Al, Cu, Ag, Au, Ni, Pd, Pt, not W; use"),
        (["source.element=C"], "source.structures: the neutral sampler knows Si, Ge, Al, .*, Pt, not C"),
        (["pool=SILICON"], "pool: structure 0 is Si8, expected Ge only"),
        (["test=SILICON"], "test: structure 0 is Si8, expected Ge only"),
        (["source.structures=GERMANIUM", "source.labeler=null"], "source.structures: structure 0 is Ge8, expected Si"),
        (["target=Cu"], "labeler stillinger_weber: structure 0 of test: Stillinger-Weber labels one of Si, Ge, not Cu"),
        (["labeler=emt"], "labeler emt: structure 0 of test: EMT labels Al, Cu, Ag, Au, Ni, Pd, Pt, not Ge"),
        (["source.labeler=emt"], "labeler emt: structure 0 of source.structures: EMT labels Al, .*, not Si"),
        (["target=C", "pool=CARBON", "test=CARBON2", "labeler=emt"], "labeler emt: structure 0 of the pool: .* not C"),
        (["target=C", "pool=CARBON", "test=CARBON2"], "labeler stillinger_weber: structure 0 of the pool: .* not C"),
        (["target=Np", "pool=NEPTUNIUM", "test=NEPTUNIUM2", "labeler=gpaw"], "no PAW data set for Np and PBE"),
    ],
)
def test_an_element_unknown_to_source_sampler_or_labeler_is_refused(
    refused_study: Refused, changes: list[str], expected: str
) -> None:
    files = {"SILICON": "Si", "GERMANIUM": "Ge", "CARBON": "C", "CARBON2": "C", "NEPTUNIUM": "Np", "NEPTUNIUM2": "Np"}
    for number, (name, element) in enumerate(files.items()):
        part = file_of(f"{name}.extxyz", *(labelled(10 * number + i, element) for i in range(4)))
        changes = [
            f"{key}={part}" if value == name else change
            for change in changes
            for key, _, value in [change.partition("=")]
        ]
    assert re.search(expected, refused_study(*changes))


def test_a_bundle_of_another_element_than_the_data_is_refused(refused: Refused) -> None:
    bundles("models", "Si", "Si")
    file_of("data.extxyz", labelled(0))
    message = refused("eval", "--bundle", "models", "--data", "data.extxyz")
    assert "data.extxyz: structure 0 is Ge8, the bundle is of Si" in message


def test_source_models_of_different_elements_are_refused(refused_study: Refused) -> None:
    bundles("source", "Si", "Ge")
    message = refused_study("source={kind: bundles, path: source}")
    assert "source: its models are of different elements (Ge, Si)" in message


# ---- files of structures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "pool={kind: file, path: gone.extxyz}",
        "test={kind: file, path: gone.extxyz}",
        "source={kind: bundles, path: gone.extxyz}",
        "source.structures={kind: file, path: gone.extxyz}",
        "labeler={kind: dataset, path: gone.extxyz}",
    ],
)
def test_a_missing_file_is_refused(refused_study: Refused, workdir: Path, change: str) -> None:
    pool = file_of("pool.extxyz", *map(germanium, range(6)))
    test = file_of("test.extxyz", *map(labelled, range(10, 13)))
    missing = refused_study(
        f"pool={pool}", f"test={test}", "source.labeler=null" if ".str" in change else "workers=1", change
    )
    assert re.search(f"error: {workdir / 'gone.extxyz'}: no (such file|committee)", missing)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("pool={kind: bundled, name: ge-pool}", "no data set 'ge-pool' is shipped (there are: "),
        ("test={kind: bundled, name: ge-tset}", "no data set 'ge-tset' is shipped (there are: "),
        ("source={kind: bundled, name: si}", "no committee 'si' is shipped (there are: "),
    ],
)
def test_a_data_set_or_committee_that_is_not_shipped_is_refused(
    refused_study: Refused, change: str, expected: str
) -> None:
    assert expected in refused_study(change)


def _without_labels() -> Atoms:
    return germanium(0)


def _without_forces() -> Atoms:
    atoms = germanium(0)
    atoms.info["REF_energy"] = -30.0
    return atoms


def _other_keys() -> Atoms:
    return labelled(0, energy="dft_energy", forces="dft_forces")


def _standard_keys() -> Atoms:
    return labelled(0, energy="energy", forces="forces")


def _nan_force() -> Atoms:
    atoms = labelled(0)
    atoms.arrays["REF_forces"][3, 1] = np.nan
    return atoms


def _infinite_energy() -> Atoms:
    atoms = labelled(0)
    atoms.info["REF_energy"] = np.inf
    return atoms


def _energy_in_words() -> Atoms:
    atoms = labelled(0)
    atoms.info["REF_energy"] = "low"
    return atoms


def _flat_forces() -> Atoms:
    atoms = labelled(0)
    del atoms.arrays["REF_forces"]
    atoms.arrays["REF_forces"] = np.zeros((8, 2))
    return atoms


def _nan_position() -> Atoms:
    atoms = labelled(0)
    atoms.positions[2, 0] = np.nan
    return atoms


def _too_close() -> Atoms:
    atoms = labelled(0)
    atoms.positions[1] = atoms.positions[0] + [0.3, 0, 0]
    return atoms


def _too_close_across_the_boundary() -> Atoms:
    atoms = labelled(0)
    atoms.positions[0] = [0.1, 0, 0]
    atoms.positions[1] = atoms.cell[0] + [-0.1, 0, 0]
    return atoms


def _flat_cell() -> Atoms:
    atoms = labelled(0)
    atoms.cell[1] = 2 * atoms.cell[0]
    return atoms


STRUCTURE_FAULTS = [
    (_nan_position, "structure 1 has positions or a cell that are not finite"),
    (_too_close, r"structure 1 has two atoms 0\.30 Å apart \(at least 0\.5 Å expected\)"),
    (_too_close_across_the_boundary, r"structure 1 has two atoms 0\.20 Å apart \(at least 0\.5 Å expected\)"),
    (_flat_cell, "structure 1 has cell vectors that lie in one plane or line"),
]
LABEL_FAULTS = [
    (_without_labels, "structure 1 has no energy under 'REF_energy'; there are: none at all"),
    (_without_forces, "structure 1 has no forces under 'REF_forces'; there are: REF_energy"),
    (_other_keys, "structure 1 has no energy under 'REF_energy'; there are: dft_energy, dft_forces"),
    (_standard_keys, "structure 1 has no energy under 'REF_energy'; there are: forces, energy"),
    (_nan_force, r"structure 1: 'REF_forces' is not finite \(NaN or infinity\)"),
    (_infinite_energy, r"structure 1: 'REF_energy' is not finite \(NaN or infinity\)"),
    (_energy_in_words, "structure 1: its labels are not numbers: .*'low'"),
    (_flat_forces, r"structure 1: 'REF_forces' has shape \(8, 2\), expected \(8, 3\)"),
]


@pytest.mark.parametrize(("broken", "expected"), STRUCTURE_FAULTS + LABEL_FAULTS)
@pytest.mark.parametrize("user", ["test set", "source", "dataset labeler", "eval"])
def test_a_file_with_unusable_labels_is_refused(
    refused: Refused, refused_study: Refused, user: str, broken: Callable[[], Atoms], expected: str
) -> None:
    element = "Si" if user == "source" else "Ge"
    frame = broken()
    frame.symbols[:] = element
    part = file_of("data.extxyz", labelled(1, element), frame, labelled(2, element))
    pool = file_of("pool.extxyz", labelled(1), labelled(2), *map(germanium, range(20, 24)))
    if user == "test set":
        message = refused_study(f"test={part}")
    elif user == "source":
        message = refused_study(f"source.structures={part}", "source.labeler=null")
    elif user == "dataset labeler":
        test = file_of("test.extxyz", labelled(30))
        message = refused_study(f"pool={pool}", f"test={test}", "labeler={kind: dataset, path: data.extxyz}")
    else:
        bundles("models", "Ge", "Ge")
        message = refused("eval", "--bundle", "models", "--data", "data.extxyz")
    assert re.search(f"data.extxyz: {expected}", message)


@pytest.mark.parametrize(("broken", "expected"), STRUCTURE_FAULTS)
def test_a_pool_with_an_unusable_structure_is_refused(
    refused_study: Refused, broken: Callable[[], Atoms], expected: str
) -> None:
    part = file_of("pool.extxyz", germanium(1), broken(), *map(germanium, range(2, 6)))
    assert re.search(f"pool.extxyz: {expected}", refused_study(f"pool={part}"))


@pytest.mark.parametrize(("broken", "expected"), STRUCTURE_FAULTS)
def test_an_unusable_structure_is_not_labelled(refused: Refused, broken: Callable[[], Atoms], expected: str) -> None:
    file_of("some.extxyz", germanium(1), broken())
    assert re.search(f"some.extxyz: {expected}", refused("label", "some.extxyz", "--labeler", "stillinger_weber"))


def test_a_stress_key_that_no_structure_has_is_refused(refused_study: Refused) -> None:
    file_of("test.extxyz", labelled(0), labelled(1))
    message = refused_study("test={kind: file, path: test.extxyz, stress_key: virial}")
    assert "test.extxyz: has no stress under 'virial'; there are: REF_energy, REF_forces" in message


@pytest.mark.parametrize("content", ["", "hello\nworld\n", '8\nLattice="1 0 0"\nGe 0 0 0\n'])
@pytest.mark.parametrize("key", ["pool", "test"])
def test_a_file_that_holds_no_structures_is_refused(refused_study: Refused, key: str, content: str) -> None:
    Path("data.extxyz").write_text(content)
    message = refused_study(f"{key}={{kind: file, path: data.extxyz}}")
    assert re.search("data.extxyz: (ASE cannot read it|holds no structure)", message)


def test_a_folder_in_the_place_of_structures_is_refused(refused_study: Refused, workdir: Path) -> None:
    assert f"{workdir}: is a folder, not a file" in refused_study("pool={kind: file, path: .}")


# ---- pool, test set and budgets --------------------------------------------------------------------------------------


def test_a_budget_larger_than_a_sampled_pool_is_refused(refused_study: Refused) -> None:
    message = refused_study("budgets=[1, 11]")
    assert "budgets: the largest is 11, the pool has 10 structures; lower it or enlarge the pool" in message


def test_a_budget_larger_than_a_pool_from_a_file_is_refused(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(germanium, range(3)))
    assert "budgets: the largest is 4, the pool has 3 structures" in refused_study(f"pool={pool}")


def test_a_structure_that_stands_twice_in_a_pool_counts_once(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(germanium, range(3)), germanium(0), germanium(1))
    assert "budgets: the largest is 4, the pool has 3 structures" in refused_study(f"pool={pool}")


def test_a_budget_larger_than_what_is_left_of_the_pool_is_refused(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(labelled, range(6)))
    message = refused_study(f"pool={pool}", "test={kind: holdout, size: 3}")
    assert "budgets: the largest is 4, the pool has 3 structures" in message


def test_holding_out_the_whole_pool_is_refused(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(labelled, range(4)))
    message = refused_study(f"pool={pool}", "test={kind: holdout, size: 4}")
    assert "test.size: 4 of 4 structures cannot be held out" in message


def test_holding_out_of_a_pool_that_is_yet_to_be_sampled_is_refused(refused_study: Refused) -> None:
    assert "test.kind: holdout takes structures from a pool of kind file" in refused_study(
        "test={kind: holdout, size: 2}"
    )


def test_a_test_structure_in_the_pool_is_refused(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(germanium, range(5)))
    test = file_of("test.extxyz", labelled(9), labelled(3))
    message = refused_study(f"pool={pool}", f"test={test}")
    assert "test: 1 of its structures are in the pool too" in message
    assert "test data must be unseen" in message


def test_a_test_set_sampled_like_the_pool_is_refused(refused_study: Refused) -> None:
    message = refused_study("test.seed=2")
    assert "test: slice cold-too would be the same structures as slice cold of the pool" in message
    assert "choose another test.seed" in message


def test_a_data_set_without_the_structures_of_the_pool_is_refused(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(germanium, range(6)))
    test = file_of("test.extxyz", labelled(9))
    file_of("labels.extxyz", *map(labelled, range(5)))
    message = refused_study(f"pool={pool}", f"test={test}", "labeler={kind: dataset, path: labels.extxyz}")
    assert "labeler dataset: structure 5 of the pool: structure " in message
    assert "is not in the data set" in message


def test_a_data_set_cannot_label_structures_that_are_yet_to_be_sampled(refused_study: Refused) -> None:
    file_of("labels.extxyz", labelled(0))
    message = refused_study("labeler={kind: dataset, path: labels.extxyz}")
    assert "labels.extxyz has no labels of structures that are yet to be sampled; use test.kind=file" in message


@pytest.fixture
def shipped_test_set(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data sheet of a shipped data set, labelled by GPAW with 400 eV."""
    folder = tmp_path_factory.mktemp("assets") / "data"
    folder.mkdir()
    write(folder / "ge-fake.extxyz", [labelled(seed) for seed in range(50, 53)], format="extxyz")
    labeler = {"kind": "gpaw", "xc": "PBE", "cutoff_eV": 400.0, "kpt_density": 3.4, "gpaw": "1.0"}
    sheet = {"file": "ge-fake.extxyz", "sha256": file_sha256(folder / "ge-fake.extxyz"), "labeler": labeler}
    (folder / "ge-fake.json").write_text(json.dumps(sheet))
    monkeypatch.setattr(al_core.datasets, "ASSETS", folder.parent)
    return folder / "ge-fake.json"


@pytest.mark.parametrize(
    ("labeler", "different"),
    [
        ("{kind: gpaw, cutoff_eV: 300}", "cutoff_eV 400.0 against 300.0"),
        ("{kind: gpaw, cutoff_eV: 400, xc: LDA}", "xc PBE against LDA"),
        ("stillinger_weber", "kind gpaw against stillinger_weber"),
    ],
)
def test_test_labels_at_another_level_of_theory_than_the_labeler_are_refused(
    refused_study: Refused, shipped_test_set: Path, labeler: str, different: str
) -> None:
    message = refused_study("test={kind: bundled, name: ge-fake}", f"labeler={labeler}")
    assert f"test: ge-fake was labelled with other settings than the study's labeler ({different})" in message


def test_test_labels_at_the_labelers_level_of_theory_are_not_refused(
    workdir: Path, shipped_test_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = ("test={kind: bundled, name: ge-fake}", "labeler={kind: gpaw, cutoff_eV: 400}")
    monkeypatch.setattr(sys, "argv", ["graft", "study", "run", "small.yaml", "--out", "out", *_sets(changes)])
    with pytest.raises(StartedError):
        flows.cli.main()


def test_a_shipped_data_set_that_was_changed_is_refused(refused_study: Refused, shipped_test_set: Path) -> None:
    with shipped_test_set.with_suffix(".extxyz").open("a") as data:
        data.write(" ")
    message = refused_study("test={kind: bundled, name: ge-fake}", "labeler={kind: gpaw, cutoff_eV: 400}")
    assert "the shipped data set 'ge-fake' is missing or was changed" in message


# ---- labelling -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pbc", [[False, False, False], [True, True, False]])
def test_dft_of_a_cell_that_is_not_periodic_is_refused(
    refused: Refused, refused_study: Refused, pbc: list[bool]
) -> None:
    frames = [germanium(seed) for seed in range(5)]
    frames[3].pbc = pbc
    pool, test = file_of("pool.extxyz", *frames), file_of("test.extxyz", labelled(9))
    expected = f"plane-wave DFT needs a cell periodic in all three directions, got pbc={pbc}; put a molecule or slab"
    assert f"structure 3 of pool.extxyz: {expected}" in refused("label", "pool.extxyz", "--labeler", "gpaw")
    assert f"structure 3 of the pool: {expected}" in refused_study(f"pool={pool}", f"test={test}", "labeler=gpaw")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--labeler", "gpow"], "unknown kind 'gpow'; did you mean 'gpaw'?"),
        (["--labeler", "emt", "--set", "three_body=2"], "unknown key 'three_body' (known: kind)"),
        (["--set", "cutof_eV=300"], "unknown key 'cutof_eV'; did you mean 'cutoff_eV'?"),
        (["--set", "cutoff_eV=-3"], "cutoff_eV: input should be greater than or equal to 100, got -3"),
        (["--labeler", "dataset"], "path: is required (in the file, or with --set path=...)"),
        (["--labeler", "dataset", "--set", "path=gone.extxyz"], "gone.extxyz: no such file"),
    ],
)
def test_wrong_labeler_settings_are_refused(refused: Refused, arguments: list[str], expected: str) -> None:
    file_of("some.extxyz", germanium(0))
    assert expected in refused("label", "some.extxyz", *arguments)


@pytest.mark.parametrize(
    ("labeler", "expected"),
    [
        ("stillinger_weber", "Stillinger-Weber labels one of Si, Ge, not C"),
        ("emt", "EMT labels Al, Cu, Ag, Au, Ni, Pd, Pt, not C"),
        ("gpaw", "no PAW data set for Np and PBE"),
    ],
)
def test_labelling_an_element_the_labeler_does_not_know_is_refused(
    refused: Refused, labeler: str, expected: str
) -> None:
    file_of("some.extxyz", germanium(0, "Np" if labeler == "gpaw" else "C"))
    assert expected in refused("label", "some.extxyz", "--labeler", labeler)


def test_labelling_a_missing_file_is_refused(refused: Refused) -> None:
    assert "gone.extxyz: no such file" in refused("label", "gone.extxyz")


# ---- bundles ---------------------------------------------------------------------------------------------------------


def bundles(folder: str, *elements: str) -> Path:
    """Make a committee as far as its cards go."""
    for number, element in enumerate(elements):
        member = Path(folder) / f"member-{number}"
        member.mkdir(parents=True)
        (member / "weights.safetensors").write_bytes(os.urandom(64))
        sha = file_sha256(member / "weights.safetensors")
        card = {"format": 1, "weights_sha256": sha, "element": element, "architecture": {}, "avg_num_neighbors": 4.0}
        (member / "model.json").write_text(json.dumps(card, indent=1))
    return Path(folder)


def _change_weights(member: Path) -> None:
    with (member / "weights.safetensors").open("r+b") as weights:
        weights.write(b"\0\1\2\3")


def _cut_card(member: Path) -> None:
    text = (member / "model.json").read_text()
    (member / "model.json").write_text(text[: len(text) // 2])


def _empty_card(member: Path) -> None:
    (member / "model.json").write_text("")


def _card_is_a_list(member: Path) -> None:
    (member / "model.json").write_text("[]")


def _binary_card(member: Path) -> None:
    (member / "model.json").write_bytes(b"\xff\xfe\0")


def _card_without_element(member: Path) -> None:
    card = json.loads((member / "model.json").read_text())
    del card["element"]
    (member / "model.json").write_text(json.dumps(card))


def _other_format(member: Path) -> None:
    (member / "model.json").write_text((member / "model.json").read_text().replace('"format": 1', '"format": 7'))


def _no_weights(member: Path) -> None:
    (member / "weights.safetensors").unlink()


BUNDLE_FAULTS = [
    (_change_weights, "corrupt bundle: weights.safetensors does not have the checksum that model.json states"),
    (_cut_card, "corrupt bundle: model.json: JSONDecodeError"),
    (_empty_card, "corrupt bundle: model.json: JSONDecodeError"),
    (_card_is_a_list, "corrupt bundle: model.json: TypeError"),
    (_binary_card, "corrupt bundle: model.json: UnicodeDecodeError"),
    (_card_without_element, "corrupt bundle: model.json lacks element"),
    (_other_format, "bundle format 7, this Graft reads format 1"),
    (_no_weights, "no model bundle (a folder with model.json and weights.safetensors)"),
]


@pytest.mark.parametrize(("damage", "expected"), BUNDLE_FAULTS)
@pytest.mark.parametrize("user", ["study", "eval", "export"])
def test_a_corrupt_bundle_is_refused(
    refused: Refused, refused_study: Refused, user: str, damage: Callable[[Path], None], expected: str
) -> None:
    member = bundles("models", "Ge", "Ge") / "member-1"
    damage(member)
    if user == "study":
        message = refused_study("source={kind: bundles, path: models}")
    elif user == "eval":
        file_of("data.extxyz", labelled(0))
        message = refused("eval", "--bundle", "models", "--data", "data.extxyz")
    else:
        message = refused("export", "--bundle", member, "--out", "x.model")
    assert f"{member}: {expected}" in message


def test_a_committee_larger_than_the_source_is_refused(refused_study: Refused) -> None:
    bundles("source", "Si", "Si")
    message = refused_study("source={kind: bundles, path: source}", "committee=3")
    assert "committee: 3 members need as many source models" in message
    assert "there are 2" in message


def test_other_folders_beside_the_members_are_no_members(refused_study: Refused) -> None:
    bundles("source", "Si")
    shutil.copytree("source/member-0", "source/member-0 (copy)")
    shutil.copytree("source/member-0", "source/member-x")
    assert "there are 1" in refused_study("source={kind: bundles, path: source}")


@pytest.mark.parametrize("command", ["eval", "export"])
def test_a_missing_bundle_is_refused(refused: Refused, command: str) -> None:
    file_of("data.extxyz", labelled(0))
    rest = ["--data", "data.extxyz"] if command == "eval" else ["--out", "x.model"]
    assert "gone: no " in refused(command, "--bundle", "gone", *rest)


def test_exporting_a_committee_is_refused(refused: Refused) -> None:
    bundles("models", "Ge", "Ge")
    assert "models: no model bundle" in refused("export", "--bundle", "models", "--out", "x.model")


@pytest.mark.parametrize("command", ["status", "report"])
def test_a_folder_without_a_study_is_refused(refused: Refused, command: str) -> None:
    assert "gone: no study here" in refused("study", command, "gone")


# ---- the place of the results ----------------------------------------------------------------------------------------


def _study_with_store(refused: Refused) -> str:
    return refused("study", "run", "small.yaml", "--out", "out")


def _label_with_store(refused: Refused) -> str:
    file_of("some.extxyz", germanium(0))
    return refused("label", "some.extxyz", "--labeler", "stillinger_weber", "--out", "out")


WRITERS = pytest.mark.parametrize("writer", [_study_with_store, _label_with_store])


@WRITERS
def test_a_store_of_another_version_is_refused(refused: Refused, writer: Callable[[Refused], str]) -> None:
    LabelStore(Path("out/labels.db"))
    with connect("out/labels.db", type="db") as db:
        db.metadata = {"graft_store_version": 99}
    message = writer(refused)
    assert "labels.db has version 99, this Graft reads version 1; choose another --out" in message


@WRITERS
def test_a_store_that_is_not_a_data_base_is_refused(refused: Refused, writer: Callable[[Refused], str]) -> None:
    Path("out").mkdir()
    Path("out/labels.db").write_text("my notes " * 100)
    message = writer(refused)
    assert "labels.db: file is not a database" in message


@WRITERS
def test_a_data_base_of_another_program_is_refused(refused: Refused, writer: Callable[[Refused], str]) -> None:
    Path("out").mkdir()
    with sqlite3.connect("out/labels.db") as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    db.close()
    assert "labels.db is a data base of another program (tables: recipes)" in writer(refused)


def test_an_ase_data_base_that_is_not_a_label_store_is_refused(refused: Refused, workdir: Path) -> None:
    Path("out").mkdir()
    with connect("out/labels.db", type="db") as db:
        db.write(germanium(0))
    Path("out/labels.db.lock").touch()
    assert "labels.db is an ASE data base, but not a label store of Graft" in _study_with_store(refused)


UNWRITABLE = {
    "a file": ("pool.extxyz", "is a file, not a folder"),
    "below a file": ("pool.extxyz/runs/1", "is a file, not a folder"),
    "below a device": ("/dev/null/x", "/dev/null is a file, not a folder"),
    "read-only": ("/proc/graft/x", r"cannot write in /proc \(.+\); choose another --out"),
}


@pytest.mark.parametrize("place", UNWRITABLE)
@pytest.mark.parametrize("command", ["study", "plan", "label", "pretrain"])
def test_a_place_that_cannot_be_written_is_refused(refused: Refused, command: str, place: str) -> None:
    file_of("pool.extxyz", germanium(0))
    slices = "[{name: a, count: 4, temperature_K: 300}]"
    Path("source.yaml").write_text(
        f"element: Si\nlabeler: stillinger_weber\nstructures: {{kind: md, slices: {slices}}}\n"
    )
    out, expected = UNWRITABLE[place]
    start = {
        "study": ["study", "run", "small.yaml"],
        "plan": ["study", "plan", "small.yaml"],
        "label": ["label", "pool.extxyz", "--labeler", "stillinger_weber"],
        "pretrain": ["pretrain", "source.yaml"],
    }[command]
    message = refused(*start, "--out", out)
    assert re.search(f"error: --out .*{Path(out).name}: .*{expected}", message)
    assert not Path(out).exists() or place == "a file"


@pytest.mark.parametrize(("out", "expected"), [("/proc/x.model", "cannot write in /proc"), (".", "is a folder")])
def test_exporting_to_where_nothing_can_be_written_is_refused(refused: Refused, out: str, expected: str) -> None:
    bundles("models", "Ge")
    assert expected in refused("export", "--bundle", "models/member-0", "--out", out)


@WRITERS
def test_a_full_disk_is_refused(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, writer: Callable[[Refused], str]
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(flows.preflight.shutil, "disk_usage", lambda path: usage(10**12, 10**12 - 10**7, 10**7))
    message = writer(refused)
    assert re.search(r"--out .*out: the disk is full: 10 MB are free, \d+ MB are needed", message)


def test_a_device_that_is_not_there_is_refused(refused_study: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert "device: cuda:1 is not there (1 found); use auto or cpu" in refused_study("device='cuda:1'")


# ---- as a command ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["study", "run", "small.yaml", "--out", "out", "--set", "taget=Ge"],
        ["study", "run", "small.yaml", "--out", "/proc/graft"],
        ["label", "gone.extxyz", "--out", "out"],
    ],
)
def test_the_command_ends_with_code_2_and_one_message(workdir: Path, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert [path.name for path in workdir.iterdir()] == ["small.yaml"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["study", "run", "small.yaml", "--set", "taget=Ge"],
        ["study", "run", "small.yaml", "--set", "budgets=[1, 99]"],
        ["study", "run", "small.yaml", "--set", "labeler=gpaw", "--out", "/proc/graft"],
        ["label", "gone.extxyz"],
        ["pretrain", "small.yaml"],
    ],
)
def test_a_refusal_imports_nothing_heavy(workdir: Path, arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "import flows.cli\n"
        f"sys.argv = ['graft', *{arguments!r}]\n"
        "try:\n"
        "    flows.cli.main()\n"
        "except SystemExit as stopped:\n"
        "    assert stopped.code == 2, stopped.code\n"
        # ASE itself looks at gpaw's list of plugins, which is a package without the code
        "heavy = {'torch', 'mace', 'e3nn', 'prefect', 'gpaw.new', 'gpaw.core', 'gpaw.mpi', '_gpaw', 'plotly'}\n"
        "print(*(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
