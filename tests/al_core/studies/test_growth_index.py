"""The index of a growth: what is written is read."""

import json
from pathlib import Path

import pytest

from al_core.errors import ConfigError
from al_core.exploration.frames import Journey
from al_core.studies.growth_index import Chosen, Round, load_growth, write_growth
from al_core.studies.workspace import Workspace
from al_core.uncertainty.calibration import Calibration, calibration
from tests.helpers import growth_config

CHOSEN = (
    Chosen("s1", "L-s1", "crystal_300K", 8, 3, 0.4, 0.0123, True),
    Chosen("s2", "L-s2", "vacancy_300K", 7, 1, 1 / 3, 0.05, False, "no convergence"),
)
JOURNEYS = (
    Journey("crystal", 300.0, 1.0),
    Journey("vacancy", 900.0, 0.25, left=True),
    Journey("liquid", 1500.0, 0.5, failure="two atoms 1.20 Å apart"),
)
ROUNDS = (
    Round(0, 0, "m0", calibration([]), ("e0", "e1"), JOURNEYS, 0.08, 40, 12, chosen=CHOSEN),
    Round(
        1,
        *(4, "m1", Calibration(2.5, 4, ((0.68, 1.0), (0.9, 2.1), (0.95, 2.8)), 0.041), ("e2",), JOURNEYS[:1]),
        *(0.02, 41, 13, "v1", ("d1", "d2"), "all 4 labels are spent", (), ("f1", "f2")),
    ),
)


def test_a_growth_is_read_as_it_was_written(tmp_path: Path) -> None:
    config = growth_config(name="mine", purpose={"temperatures_K": [300, 1200]})
    write_growth(Workspace(tmp_path), config, ROUNDS, {"labels_done": 4}, {"source": {"hash": "abc"}})
    found = load_growth(tmp_path)
    assert found.rounds == ROUNDS
    assert found.name == "mine"
    assert found.config["purpose"]["temperatures_K"] == [300, 1200]
    assert type(config).model_validate(found.config) == config
    assert found.ledger == {"labels_done": 4}
    assert found.provenance["source"] == {"hash": "abc"}
    assert {"versions", "machine"} <= set(found.provenance)
    assert found.reason == "all 4 labels are spent"


def test_a_growth_that_goes_on_has_no_reason(tmp_path: Path) -> None:
    for rounds in ((), ROUNDS[:1]):
        write_growth(Workspace(tmp_path), growth_config(), rounds, {}, {})
        assert load_growth(tmp_path).reason == ""
        assert load_growth(tmp_path).rounds == rounds, "written again after every round"


def test_walkers_that_left_and_that_failed_are_lost() -> None:
    assert [one.lost for one in ROUNDS] == [2, 0]


def test_a_folder_without_a_growth_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no growth was run in it \(graft grow CONFIG\.yaml --out .*\)"):
        load_growth(tmp_path)
    with pytest.raises(ConfigError, match="no growth was run"):
        load_growth(tmp_path / "nowhere")


def test_an_index_that_is_cut_off_is_none(tmp_path: Path) -> None:
    write_growth(Workspace(tmp_path), growth_config(), ROUNDS, {}, {})
    record = json.loads(Workspace(tmp_path).growth.read_text())
    del record["rounds"]
    Workspace(tmp_path).growth.write_text(json.dumps(record))
    with pytest.raises(ConfigError, match="no growth was run"):
        load_growth(tmp_path)
