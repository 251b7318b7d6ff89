"""Selections by a real committee: what is asked is what the settings say, the same again, and found again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from al_core.config.acquisition import (
    AnyAcquisition,
    ErrorOracleAcquisition,
    FarthestPointAcquisition,
    LCMDAcquisition,
    MaxDetAcquisition,
    VarianceReductionAcquisition,
)
from al_core.config.arms import TransferArm
from al_core.config.training import Training
from al_core.errors import SelectionError
from al_core.labels.store import LabelStore
from al_core.models.bundle import save_bundle
from al_core.models.engine.gradient_features import gradient_features
from al_core.models.prediction import predict
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures, write_labelled
from al_core.studies import selections
from al_core.studies.committees import load_committee
from al_core.studies.data import write_structures
from al_core.studies.keys import ModelInputs, SelectionInputs
from al_core.studies.selections import select
from al_core.studies.workspace import Workspace

ASKED: list[AnyAcquisition] = [
    MaxDetAcquisition(per_cost=True),
    FarthestPointAcquisition(force_guided=True),
    FarthestPointAcquisition(features="force_gradients"),
    LCMDAcquisition(),
    LCMDAcquisition(features="descriptors"),
    VarianceReductionAcquisition(),
]


@pytest.fixture
def asked(tmp_path: Path, source: Any, crystals: Any, sw_label: Any) -> SelectionInputs:
    """Two of five crystals, by the committee that transfer starts with; the labels of all are there."""
    workspace = Workspace(tmp_path / "out")
    for number, bundle in enumerate(source):
        save_bundle(bundle, tmp_path / "source" / f"member-{number}")
    write_structures(workspace.pool, crystals("Ge", 5, seed=2))
    pool = read_structures(workspace.pool)
    write_labelled(workspace.pool_labels, [(atoms, sw_label(atoms)) for atoms in reversed(pool)])
    folders = tuple(sorted((tmp_path / "source").glob("member-*")))
    training = Training(steps=3)
    model = ModelInputs(workspace.out, TransferArm(), "Ge", 0, (), folders, "source", "pool", training, "cpu")
    names = tuple(structure_id(atoms) for atoms in pool)
    return SelectionInputs(workspace.out, ErrorOracleAcquisition(), 0, names, 2, model)


def _describing(asked: SelectionInputs, acquisition: AnyAcquisition) -> SelectionInputs:
    committee = asked.committee if acquisition.asks_forces else None
    return replace(asked, acquisition=acquisition, committee=committee, describing=asked.committee)


@pytest.mark.parametrize("acquisition", ASKED, ids=repr)
def test_a_committee_selects_the_same_again(
    asked: SelectionInputs, acquisition: AnyAcquisition, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = (9.0, 8.0, 7.0, 6.0, 5.0) if acquisition.asks_costs else ()
    inputs = replace(_describing(asked, acquisition), costs=costs)
    chosen = select(inputs)
    assert len(set(chosen)) == 2
    assert set(chosen) < set(inputs.candidates)
    Workspace(inputs.out).selection(inputs.key).unlink()
    assert select(inputs) == chosen
    monkeypatch.delattr(selections, "load_committee")
    assert select(inputs) == chosen, "found, with no committee asked"


@pytest.mark.parametrize(
    ("of", "shape"),
    [
        ("force_gradients", (5, 8, 256)),
        ("energy_gradients", (5, 1, 256)),
        ("descriptors", (5, 1, 8)),  # mean and spread of four channels
    ],
)
def test_features_are_those_of_the_settings(asked: SelectionInputs, of: Any, shape: tuple[int, ...]) -> None:
    candidates = selections._candidates(_describing(asked, LCMDAcquisition(features=of)))
    assert candidates.features is not None
    assert candidates.features.shape == shape
    assert candidates.labelled_features is not None
    assert candidates.labelled_features.shape == (0, *shape[1:])
    assert (candidates.components is not None) is (of == "force_gradients")
    assert candidates.components is None or set(candidates.components) == {24}
    assert candidates.forces is None


def test_the_oracle_takes_what_the_committee_is_most_wrong_about(asked: SelectionInputs, sw_label: Any) -> None:
    assert asked.committee is not None
    pool = read_structures(Workspace(asked.out).pool)
    forces = predict(load_committee(asked.committee), pool, torch.device("cpu"), torch.float32).forces
    errors = [np.abs(one.mean(axis=0) - sw_label(atoms).forces).mean() for one, atoms in zip(forces, pool, strict=True)]
    assert select(asked) == tuple(asked.candidates[index] for index in np.argsort(errors)[:-3:-1])


def test_the_oracle_needs_all_labels(asked: SelectionInputs) -> None:
    labels = Workspace(asked.out).pool_labels
    labels.unlink()
    with pytest.raises(SelectionError, match="5 of 5 candidates have no label there, and an oracle needs all"):
        select(asked)


def test_other_labels_have_another_key(asked: SelectionInputs) -> None:
    keys = {replace(asked, labels=labels).key for labels in ((), ("a", "b"), ("a", "c"))}
    assert len(keys) == 3


def test_structures_are_described_once(asked: SelectionInputs, sw_label: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever has a label by then, and whatever else selects by the same features."""
    inputs = _describing(asked, MaxDetAcquisition())
    chosen = select(inputs)
    store, workspace = LabelStore(Workspace(asked.out).store), Workspace(asked.out)
    pool = {structure_id(atoms): atoms for atoms in read_structures(workspace.pool)}
    store.claim("L", pool[chosen[0]], "none")
    store.complete("L", sw_label(pool[chosen[0]]))
    asked_of: list[int] = []

    def counted(model: Any, structures: Any, device: Any) -> Any:
        asked_of.append(len(structures))
        return gradient_features(model, structures, device)

    monkeypatch.setattr(selections, "gradient_features", counted)
    rest = tuple(name for name in inputs.candidates if name != chosen[0])
    later = replace(inputs, candidates=rest, labelled=("L",), k=1)
    assert select(later) == chosen[1:], "as if both had been taken at once"
    select(replace(later, acquisition=VarianceReductionAcquisition(), target=inputs.candidates))
    assert asked_of == []
    assert later.describing is not None
    other = replace(later.describing, source=later.describing.source[::-1], source_hash="other")
    select(replace(later, describing=other))
    assert asked_of == [5], "another model sees them otherwise"
