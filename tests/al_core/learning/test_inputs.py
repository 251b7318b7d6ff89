"""Which models an arm starts from: those of the study's source, or of its own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from al_core.learning.inputs import StudyInputs
from al_core.models.bundle import save_bundle
from al_core.models.committee import content_hash
from al_core.studies.grid import Learner, learners
from al_core.studies.keys import ModelInputs
from al_core.studies.workspace import Workspace
from tests.helpers import study_config


@pytest.fixture
def folders(tmp_path: Path, source: Any) -> dict[str, tuple[Path, ...]]:
    """Two committees of two, in their folders: the models of one are those of the other in other order."""
    for name, bundles in {"source": source, "taught": source[::-1], "moved": source[::-1]}.items():
        for number, bundle in enumerate(bundles):
            save_bundle(bundle, tmp_path / name / f"member-{number}")
    return {name: tuple(sorted((tmp_path / name).glob("member-*"))) for name in ("source", "taught", "moved")}


def _models(folders: dict[str, tuple[Path, ...]], taught: str) -> dict[str, ModelInputs]:
    """Return the models of `transfer` and of `distilled`, which starts from the committee ``taught``."""
    given = {"kind": "bundles", "path": str(folders[taught][0].parent)}
    distilled = {"name": "distilled", "kind": "transfer", "source": given}
    config = study_config(arms=["transfer", distilled], committee=2, seeds=[0])
    own = config.arms[1].own_source
    inputs = StudyInputs(
        config, Workspace(Path("out")), (), {}, folders["source"], "", arm_sources={own: folders[taught]}
    )
    found: list[Learner] = learners(config)
    assert [one.arm.own_source for one in found] == [None, own]
    return dict(zip(("transfer", "distilled"), (inputs.model(one, ("L1",)) for one in found), strict=True))


def test_an_arm_starts_from_the_source_of_its_own(folders: dict[str, tuple[Path, ...]]) -> None:
    models = _models(folders, "taught")
    assert models["transfer"].source == folders["source"]
    assert models["distilled"].source == folders["taught"]
    assert models["distilled"].source_hash == content_hash(folders["taught"])
    assert models["transfer"].key != models["distilled"].key


def test_where_the_source_is_does_not_count_and_what_it_has_learnt_does(folders: dict[str, tuple[Path, ...]]) -> None:
    here, there = _models(folders, "taught"), _models(folders, "moved")
    assert here["distilled"].key == there["distilled"].key
    assert replace(here["distilled"], source_hash="other").key != here["distilled"].key
    assert _models(folders, "source")["distilled"].key == here["transfer"].key, "the same models by another name"
