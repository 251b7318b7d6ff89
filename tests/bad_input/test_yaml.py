"""A config that is no YAML, has unknown keys, wrong values or contradictions, and ``--set`` that does not fit."""

import re
from pathlib import Path

import pytest

from al_core.config.reading import load_config
from al_core.config.study import StudyConfig
from al_core.errors import ConfigError
from tests.bad_input.inputs import STUDY, Refused


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
        ("budgets=4", "budgets: expected a list, such as [4], got 4"),
        ("budgets=[one]", "budgets.0: input should be a valid integer"),
        ("budgets=[1.5]", "budgets.0: input should be a valid integer"),
        ("budgets=[true]", "budgets is not a matter of true or false"),
        ("training.steps=many", "training.steps: input should be a valid integer"),
        ("training.steps=yes", "training: steps is not a matter of true or false"),
        ("training=5", "training: input should be settings, {key: value}, got 5"),
        ("pool=5", "pool: needs a 'kind'"),
        ("source=null", "source: needs a 'kind'"),
        ("target=32", "target: input should be a valid string, got 32"),
        ("arms=transfer", "arms: expected a list, such as [transfer], got 'transfer'"),
        (
            "labeler={kind: stillinger_weber, three_body: soft}",
            "labeler.three_body: input should be a valid number, unable to parse string as a number, got 'soft'",
        ),
        ("labeler={kind: stillinger_weber, three_body: yes}", "labeler: three_body is not a matter of true or false"),
        ("labeler={kind: stillinger_weber, three_body: .inf}", "labeler.three_body: input should be a finite number"),
        ("name=a/b", "name: expected a name of letters, digits"),
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
        ("labeler=vasp", "labeler: unknown kind 'vasp'; did you mean {kind: ase, calculator: vasp}?"),
        ("target=germanium", "target: 'germanium' is not a chemical element; did you mean Ge?"),
        ("arms=[{kind: scratch, tuning: anchored}]", "arms.0.tuning: unknown kind 'anchored' (known: plain)"),
        ("pool.kind=mdd", "pool: unknown kind 'mdd'; did you mean 'md'?"),
        ("source.kind=bundle", "source: unknown kind 'bundle'; did you mean 'bundles'?"),
        ("shared_leader=rescale", "shared_leader: 'rescale' is not one of the arms; did you mean 'rescaled'?"),
        ("comparisons=[share]", "comparisons.0: input should be 'shared' or 'own', got 'share'"),
        ("device=gpu", "device: expected auto, cpu, cuda or cuda:N, got 'gpu'"),
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
        ("pool.slices.0.cells=0", "pool.slices.0.cells: input should be greater than or equal to 1, got 0"),
        ("pool.slices.0.vacancies=8", "pool.slices.0: vacancies must leave 2 of the 8 atoms (repeat=1), got 8"),
        ("training.steps=-1", "training.steps: input should be greater than or equal to 0, got -1"),
        ("training.batch_size=0", "training.batch_size: input should be greater than or equal to 1, got 0"),
        ("training.energy_weight=-1", "training.energy_weight: input should be greater than or equal to 0, got -1"),
        ("budgets=[0, 1]", "budgets.0: input should be greater than or equal to 1, got 0"),
        ("seeds=[-1]", "seeds.0: input should be greater than or equal to 0, got -1"),
        ("site.workers=-1", "site.workers: input should be greater than or equal to 0, got -1"),
        ("committee=1", "committee: input should be greater than or equal to 2, got 1"),
        ("max_failed_share=2", "max_failed_share: input should be less than or equal to 1, got 2"),
        ("labeler={kind: gpaw, cutoff_eV: -300}", "labeler.cutoff_eV: input should be greater than or equal to 100"),
        (
            "labeler={kind: gpaw, preset: quick}",
            "labeler.preset: input should be 'fast', 'standard' or 'tight', got 'quick'",
        ),
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
    changes = ("target=Cu", "labeler=emt", "pool.slices.1.cells=4", "pool.slices.1.vacancies=3")
    assert "pool: slice hot: vacancies must leave 2 of the 4 atoms of Cu (cells=4), got 3" in refused_study(*changes)


@pytest.mark.parametrize("other", ["repeat=2", "vacuum_A=8"])
def test_a_supercell_of_every_shape_is_not_of_the_cubic_cell(refused_study: Refused, other: str) -> None:
    key = other.partition("=")[0]
    message = refused_study("pool.slices.1.cells=4", f"pool.slices.1.{other}")
    assert f"  pool.slices.1: cells and {key} exclude each other: {key} is of the cubic cell" in message


def test_all_faults_are_told_at_once(refused_study: Refused) -> None:
    message = refused_study("budgets=4", "arms=[transfre]", "training.step=3", "site.workers=-1")
    assert [key for key in ("budgets", "arms.0", "training", "site.workers") if f"  {key}: " not in message] == []


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
    assert "config small.yaml is one of `graft study run`, as 'budgets' says" in message


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


@pytest.mark.parametrize("name", ["T", "1e3", "007"])
def test_a_slice_is_not_called_what_a_file_of_structures_reads_as_a_value(refused_study: Refused, name: str) -> None:
    assert f"begin it with a word, such as at_{name}" in refused_study(f"pool.slices.1.name='{name}'")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("grow_ge.yaml", "is one of `graft grow`, as 'purpose' says"),
        ("pretrain_si.yaml", "is one of `graft pretrain`, as 'pretrain' says"),
        ("convergence.yaml", "is one of `graft convergence`, as 'convergence' says"),
    ],
)
def test_a_config_of_another_command_is_told_to_be_one(file: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(StudyConfig, Path(__file__).parents[2] / "configs" / file)


def test_a_model_that_mace_cannot_make_is_refused_before_anything_is_labelled(refused: Refused) -> None:
    config = "{kind: pretrain, name: x, element: Si, structures: {kind: bundled, name: si-train-pbe-2}}"
    Path("large.yaml").write_text(config)
    message = refused("pretrain", "large.yaml", "--set", "model={l_max: 4}")
    assert "model: l_max=4 with correlation=3: mace cannot make it; lower one of them" in message
