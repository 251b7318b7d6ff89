"""Properties of committees: of the mean, with the spread of the members."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from al_core.config.evaluation import ElasticEvaluation, LatticeEvaluation
from al_core.evaluation.properties import METHODS, of_committee, of_potential, together
from al_core.models.bundle import load_bundle
from al_core.models.calculator import CommitteeCalculator
from al_core.models.committee import committee_folders
from al_core.models.rescaling import Rescaling, rescale
from al_core.models.sources.shipped import shipped_committee

SETTINGS = [LatticeEvaluation(phases=()), ElasticEvaluation()]


@pytest.fixture(scope="module")
def silicon_models() -> Any:
    return [load_bundle(folder) for folder in committee_folders(shipped_committee("si-pbe"))[:2]]


@pytest.mark.slow
def test_the_spread_is_that_of_the_members(silicon_models: Any, cpu: Any) -> None:
    found = together(of_committee(silicon_models, SETTINGS, cpu))
    potentials = [CommitteeCalculator([one], cpu, torch.float64) for one in silicon_models]
    single = [together(of_potential(one, "Si", SETTINGS)) for one in potentials]
    assert list(found) == list(single[0])
    for name, one in found.items():
        values = [member[name].value for member in single]
        assert one.spread == pytest.approx(np.std(values, ddof=1), rel=1e-6), name
        assert min(values) - one.spread < one.value < max(values) + one.spread, name  # type: ignore[operator]
        assert single[0][name].spread is None


def test_a_rescaled_model_has_the_rescaled_properties(silicon_models: Any, cpu: Any) -> None:
    """Lengths by the ratio, elastic constants by energy over volume."""
    one = silicon_models[:1]
    stretched = [rescale(bundle, Rescaling(1.05, 0.8)) for bundle in one]
    before, after = (together(of_committee(models, SETTINGS, cpu)) for models in (one, stretched))
    for name, factor in [("lattice_constant_A", 1.05)] + [(f"C{c}_GPa", 0.8 / 1.05**3) for c in ("11", "12", "44")]:
        assert after[name].value == pytest.approx(factor * before[name].value, rel=1e-3), name  # type: ignore[operator]


def test_what_one_member_lacks_is_in_the_remark_of_no_other(silicon_models: Any, cpu: Any) -> None:
    """A member that is no crystal at all has no spread to give; the mean's own values stand."""
    repelling = replace(silicon_models[0], weights={**silicon_models[0].weights})
    repelling = rescale(repelling, Rescaling(1.0, -1.0))
    found = together(of_committee([silicon_models[0], repelling], [SETTINGS[0]], cpu))
    assert all(one.value is None for one in found.values()), "the two cancel: the mean is flat"
    assert all(one.spread is None for one in found.values())
    assert all(one.remark for one in found.values())


def test_every_kind_has_its_settings() -> None:
    from al_core.config.evaluation import PropertySettings

    assert list(METHODS) == list(PropertySettings.model_fields)
    assert [one.kind for one in PropertySettings().__dict__.values()] == list(METHODS)
