"""Configs: what is accepted, what it becomes, and how ``--set`` changes it. Refusals: ``bad_input``."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from al_core.config.base import nearest
from al_core.config.convergence import ConvergenceConfig
from al_core.config.growth import GrowthConfig
from al_core.config.labelers import ASELabeler, GPAWLabeler
from al_core.config.reading import apply_overrides, load_config
from al_core.config.sources import PretrainConfig
from al_core.config.study import StudyConfig
from al_core.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
SMOKE = ROOT / "configs" / "smoke.yaml"
SHIPPED = sorted((ROOT / "configs").glob("*.yaml"))

STUDY = {
    "name": "small",
    "target": "Ge",
    "source": {"kind": "bundles", "path": "models"},
    "labeler": "stillinger_weber",
    "pool": {"kind": "md", "slices": [{"name": "a", "count": 4, "temperature_K": 300}]},
    "test": {"kind": "file", "path": "test.extxyz"},
    "budgets": [1, 2],
    "arms": ["scratch", {"kind": "transfer", "learning_rate": "1e-4"}],
    "acquisitions": ["random"],
}


def study(tmp_path: Path, *overrides: str, **changes: object) -> StudyConfig:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(STUDY | changes))
    return load_config(StudyConfig, path, overrides)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_config_is_valid(path: Path) -> None:
    if path.stem.startswith("pretrain"):
        assert load_config(PretrainConfig, path).committee >= 2
        return
    if path.stem == "convergence":
        assert load_config(ConvergenceConfig, path).vary
        return
    if path.stem.startswith("grow"):
        assert load_config(GrowthConfig, path).purpose
        return
    # the one whose data the user names on the command line
    data = ("pool.path=x", "labeler.path=x", "source.structures.path=x") if path.stem == "mlearn" else ()
    assert load_config(StudyConfig, path, data).budgets


def test_the_budgets_of_the_smoke_study_stand_on_one_line() -> None:
    assert [line for line in SMOKE.read_text().splitlines() if line.startswith("budgets: [")] == ["budgets: [1, 2, 4]"]


def test_a_bare_name_is_a_part_of_that_kind_with_its_defaults(tmp_path: Path) -> None:
    config = study(tmp_path, arms=["rescaled"], labeler="gpaw")
    assert config == study(tmp_path, arms=[{"kind": "rescaled"}], labeler={"kind": "gpaw"})
    assert config.arms[0].learning_rate == 0.01


def test_numbers_in_exponential_notation_are_numbers(tmp_path: Path) -> None:
    assert study(tmp_path).arms[1].learning_rate == 1e-4  # YAML 1.1 reads 1e-4 as text


def test_relative_paths_are_taken_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    config = study(tmp_path / "elsewhere")
    assert config.test.path == tmp_path / "test.extxyz"
    assert config.source.path == tmp_path / "models"


def test_a_config_cannot_be_changed(tmp_path: Path) -> None:
    config = study(tmp_path)
    with pytest.raises(ValidationError):
        config.budgets = (1,)
    with pytest.raises(ValidationError):
        config.training.steps = 1


def test_settings_with_mappings_have_a_hash_as_all_have() -> None:
    iron, again, cobalt = (GPAWLabeler(spin=spin) for spin in ({"Fe": 2.2}, {"Fe": 2.2}, {"Co": 1.7}))
    assert {iron: 1, cobalt: 2}[again] == 1
    assert hash(ASELabeler(calculator="tblite", parameters={"method": "GFN1-xTB"}))


def test_a_config_survives_being_written_and_read(tmp_path: Path) -> None:
    config = study(tmp_path)
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    assert load_config(StudyConfig, path) == config


def test_the_leader_is_the_last_arm_unless_another_is_named(tmp_path: Path) -> None:
    assert study(tmp_path).leader == "transfer"
    assert study(tmp_path, shared_leader="scratch").leader == "scratch"


def test_labels_of_a_file_need_no_labeler(tmp_path: Path) -> None:
    path = tmp_path / "source.yaml"
    path.write_text("element: Si\nstructures: {kind: file, path: x.extxyz}\n")
    assert load_config(PretrainConfig, path).labeler is None
    with pytest.raises(ConfigError, match="leave the labeler out"):
        load_config(PretrainConfig, path, ("labeler=gpaw",))


# ---- --set -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("a=1", {"a": 1}),
        ("a=[1, 2]", {"a": [1, 2]}),
        ("a=", {"a": None}),
        ("a=x=y", {"a": "x=y"}),
        ("a={b: 1}", {"a": {"b": 1}}),
        ("part.key=2", {"part": {"kind": "bare", "key": 2}}),
        ("new.deep.key=2", {"new": {"deep": {"key": 2}}}),
        ("empty.key=2", {"empty": {"key": 2}}),
        ("list.1.x=5", {"list": [{"x": 0}, {"x": 5}, "bare"]}),
        ("list.2.x=5", {"list": [{"x": 0}, {"x": 1}, {"kind": "bare", "x": 5}]}),
        ("list.0=other", {"list": ["other", {"x": 1}, "bare"]}),
    ],
)
def test_an_override_changes_one_value(override: str, expected: dict[str, object]) -> None:
    data = {"a": 0, "part": "bare", "empty": None, "list": [{"x": 0}, {"x": 1}, "bare"]}
    before = dict(data)
    apply_overrides(data, (override,))
    assert data == before | expected


def test_later_overrides_win(tmp_path: Path) -> None:
    assert study(tmp_path, "training.steps=5", "training.steps=7", "training.batch_size=2").training.steps == 7


def test_an_override_adds_a_setting_to_a_bare_part(tmp_path: Path) -> None:
    config = study(tmp_path, "arms.0.learning_rate=0.02", "labeler=gpaw", "labeler.cutoff_eV=400")
    assert config.arms[0].learning_rate == 0.02
    assert config.labeler.cutoff_eV == 400


# ---- hints -----------------------------------------------------------------------------------------------------------


def test_the_nearest_word_is_named_and_all_known_ones_listed() -> None:
    assert nearest("bugdets", ["seeds", "budgets"]) == "; did you mean 'budgets'? (known: budgets, seeds)"


def test_no_word_is_named_where_none_is_near() -> None:
    assert nearest("xyz", ["seeds", "budgets"]) == " (known: budgets, seeds)"


def test_a_preset_is_a_set_of_values_and_what_is_given_beside_it_goes_before_it() -> None:
    standard, tight = GPAWLabeler(), GPAWLabeler(preset="tight")
    assert GPAWLabeler(preset="standard") == standard
    assert (tight.cutoff_eV, tight.kpt_even) == (400, True)
    assert GPAWLabeler(preset="tight", cutoff_eV=500).model_dump() == {**tight.model_dump(), "cutoff_eV": 500}
    # what a label is keyed by are the values, whatever they were called
    assert "preset" not in tight.model_dump()
    assert GPAWLabeler(**tight.model_dump()).model_dump() == tight.model_dump()
