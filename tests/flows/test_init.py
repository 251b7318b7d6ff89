"""``graft init``: six answers, asked or given, and a config that runs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from al_core.config.growth import GrowthConfig
from al_core.config.reading import load_config
from al_core.config.study import StudyConfig
from al_core.structures.datasets import write_labelled
from calculators.classical.stillinger_weber import StillingerWeberLabeler
from tests.calculators.cases import SW


def _init(folder: Path, file: str, answers: str = "", **given: object) -> subprocess.CompletedProcess[str]:
    options = [part for key, value in given.items() for part in (f"--{key}", str(value))]
    command = [sys.executable, "-m", "flows.cli", "init", file, *options]
    return subprocess.run(command, cwd=folder, input=answers, capture_output=True, text=True, check=False)


def test_what_is_not_given_is_asked(tmp_path: Path) -> None:
    done = _init(tmp_path, "mine.yaml", "study\nGe\n\n\nstillinger_weber\n4\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["run", "it:", "graft", "study", "run", "mine.yaml"]
    config = load_config(StudyConfig, tmp_path / "mine.yaml")
    assert (config.name, config.target, config.budgets) == ("mine", "Ge", (1, 2, 4))
    text = (tmp_path / "mine.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=study.schema.json\n")
    assert "# frozen, unseen" in text
    planned = [sys.executable, "-m", "flows.cli", "study", "plan", "mine.yaml"]
    assert subprocess.run(planned, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def test_an_answer_that_cannot_be_is_asked_for_again(tmp_path: Path) -> None:
    done = _init(tmp_path, "mine.yaml", "both\nstudy\nGermanium\nge\nGe\n\n\nstillinger_weber\n1\n4\n")
    assert done.returncode == 0, done.stderr
    assert load_config(StudyConfig, tmp_path / "mine.yaml").target == "Ge"
    for message in ("study or grow", "did you mean Ge?", "a number from 2 to 10000"):
        assert message in done.stdout + done.stderr


def test_structures_that_are_a_word_nobody_knows_are_refused(tmp_path: Path) -> None:
    given = {"what": "study", "target": "Ge", "source": "si-pbe", "labeler": "gpaw", "labels": 3}
    for what in ("study", "grow"):
        done = _init(tmp_path, "mine.yaml", **given | {"what": what}, structures="ge_pool_pbe")
        assert done.returncode == 2
        assert "structures: 'ge_pool_pbe' is no file; did you mean 'ge-pool-pbe'?" in done.stderr
        assert not (tmp_path / "mine.yaml").exists()


def test_of_a_file_of_few_structures_a_quarter_is_held_out(tmp_path: Path) -> None:
    write(tmp_path / "few.extxyz", [bulk("Ge", "diamond", a=a, cubic=True) for a in np.linspace(5.4, 5.9, 12)])
    given = {"what": "study", "target": "Ge", "source": "si-pbe-2", "structures": "few.extxyz"}
    done = _init(tmp_path, "few.yaml", **given, labeler="stillinger_weber", labels=4)
    assert done.returncode == 0, done.stderr
    assert load_config(StudyConfig, tmp_path / "few.yaml").test.size == 3


@pytest.mark.parametrize("labeler", ["gpaw", "tblite", "stillinger_weber"])
def test_nothing_is_asked_where_all_is_given(tmp_path: Path, labeler: str) -> None:
    answers = {"what": "grow", "target": "Ge", "source": "si-pbe-2", "structures": "md", "labeler": labeler}
    done = _init(tmp_path, "ge.yaml", **answers, labels=12)
    assert done.returncode == 0, done.stderr
    config = load_config(GrowthConfig, tmp_path / "ge.yaml")
    assert (config.labels, config.labeler.kind) == (12, "ase" if labeler == "tblite" else labeler)


def test_files_are_pool_labels_and_source(tmp_path: Path) -> None:
    sw, crystals = StillingerWeberLabeler(SW), {}
    for element in ("Si", "Ge"):
        crystals[element] = [bulk(element, "diamond", a=5.5, cubic=True) for _ in range(30)]
        for number, atoms in enumerate(crystals[element]):
            atoms.rattle(0.1, seed=number)
        write_labelled(tmp_path / f"{element}.extxyz", [(a, sw.label(a, tmp_path)) for a in crystals[element]])
    answers = {"source": "Si.extxyz", "structures": "Ge.extxyz", "labeler": "Ge.extxyz"}
    done = _init(tmp_path, "pair.yaml", what="study", target="Ge", **answers, labels=4)
    assert done.returncode == 0, done.stderr
    config = load_config(StudyConfig, tmp_path / "pair.yaml")
    assert (config.source.kind, config.source.element, config.labeler.kind) == ("pretrain", ("Si",), "dataset")
    assert config.test.kind == "holdout"
    assert config.labeler.stress_key == config.source.structures.stress_key == "REF_stress"


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"target": "Xx"}, "'Xx' is not a chemical element"),
        ({"target": "W"}, "pool: the neutral sampler knows Si, Ge"),
        ({"source": "nope"}, "no committee 'nope' is shipped"),
        ({"labeler": "vaspp"}, "labeler: unknown kind 'vaspp'"),
        ({"labeler": "vasp"}, "vasp is not installed: its program vasp_std is not on PATH"),
        ({"structures": "no.extxyz"}, "no.extxyz: no such file"),
        ({"labels": 200}, "budgets: the largest is 200"),
    ],
)
def test_what_would_not_run_is_not_written(tmp_path: Path, answers: dict[str, object], message: str) -> None:
    good = {"what": "study", "target": "Ge", "source": "si-pbe-2", "structures": "md", "labels": 4}
    good["labeler"] = "stillinger_weber"
    if "labels" in answers:
        write(tmp_path / "few.extxyz", [bulk("Ge", a=5.6 + number / 100) for number in range(40)])
        good["structures"] = "few.extxyz"
    done = _init(tmp_path, "x.yaml", **{**good, **answers})
    assert done.returncode == 2, done.stdout
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert not (tmp_path / "x.yaml").exists()


def test_a_config_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("mine")
    done = _init(tmp_path, "mine.yaml")
    assert (done.returncode, done.stderr) == (2, "error: mine.yaml is there already; remove it, or give another name\n")
    assert (tmp_path / "mine.yaml").read_text() == "mine"


def test_a_shipped_data_set_is_pool_and_labels(tmp_path: Path) -> None:
    answers = {"source": "si-pbe", "structures": "ge-pool-pbe", "labeler": "ge-pool-pbe"}
    done = _init(tmp_path, "ge.yaml", what="study", target="Ge", **answers, labels=4)
    assert done.returncode == 0, done.stderr
    config = load_config(StudyConfig, tmp_path / "ge.yaml")
    assert (config.pool.kind, config.labeler.kind, config.test.kind) == ("bundled", "bundled", "holdout")
