"""Labels that members draw: each its own, whoever it is trained with."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from al_core.config.sources import PretrainConfig
from al_core.config.training import PlainTuning, Training
from al_core.models.bundle import load_bundle
from al_core.models.sources.pretraining import pretrain_members
from al_core.models.training.bootstrap import bootstrap_weights
from al_core.models.training.train import train
from al_core.models.training.tuning import fit
from al_core.structures.datasets import write_labelled

# SOAP would turn differences of rounding into larger ones: its first axes are in part those of rounding
STEPS = Training(steps=2, batch_size=4, bootstrap=True, dtype="float64", optimizer="adam")


def test_draws_are_as_many_as_labels_and_each_members_own() -> None:
    drawn = bootstrap_weights(range(4), 9, seed=3)
    assert drawn.shape == (4, 9)
    assert (drawn.sum(1) == 9).all()
    assert len({tuple(row) for row in drawn.tolist()}) == 4
    assert not np.array_equal(drawn, bootstrap_weights(range(4), 9, seed=4))


def test_a_member_draws_the_same_whoever_is_drawn_with_it() -> None:
    drawn = bootstrap_weights(range(4), 9, seed=3)
    assert np.array_equal(bootstrap_weights([2], 9, seed=3), drawn[2:3])
    assert np.array_equal(bootstrap_weights([3, 1], 9, seed=3), drawn[[3, 1]])


@pytest.fixture
def pretraining(tiny: Any, crystals: Any, sw_label: Any, tmp_path: Path) -> Any:
    data = tmp_path / "training.extxyz"
    write_labelled(data, [(atoms, sw_label(atoms)) for atoms in crystals("Si", 6, seed=1)])
    settings = {"element": "Si", "structures": {"kind": "file", "path": str(data)}, "committee": 3, "device": "cpu"}
    config = PretrainConfig.model_validate({**settings, "model": tiny, "training": STEPS})

    def weights(name: str, *groups: list[int]) -> list[dict[str, torch.Tensor]]:
        for group in groups:
            pretrain_members(config, data, tmp_path / name, group)
        return [load_bundle(tmp_path / name / f"member-{number}").weights for number in range(3)]

    return weights


def test_a_source_member_does_not_depend_on_who_trains_with_it(pretraining: Any) -> None:
    together = pretraining("one core", [0, 1, 2])
    apart = pretraining("two cores", [0, 2], [1])
    for one, other in zip(together, apart, strict=True):
        for name, value in one.items():
            torch.testing.assert_close(value, other[name], rtol=1e-5, atol=1e-6)


def test_a_restarted_member_keeps_its_labels(
    source: Any, ge_labelled: Any, cpu: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def second_fails_once(models: Any, task: Any, tuning: Any, weights: Any, progress: Any) -> Any:
        seen.append(weights)
        losses = fit(models, task, tuning, weights, progress)
        return [losses[0], None] if len(seen) == 1 else losses

    monkeypatch.setattr("al_core.models.training.train.fit", second_fails_once)
    train(source, ge_labelled, STEPS, 0.01, 0, cpu, tuning=PlainTuning())
    first, again = seen
    assert np.array_equal(again, first[1:])
    assert not np.array_equal(first[0], first[1])
