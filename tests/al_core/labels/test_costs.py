"""The cost of labels is learned from finished ones, and what they do not tell stays as estimated."""

import numpy as np
import pytest

from al_core.config.labelers import GPAWLabeler
from al_core.labels.costs import Known, learn
from al_core.labels.store import LabelStore
from al_core.structures.sampling import prototype
from al_core.types import Label
from calculators.base import make_labeler
from calculators.gpaw.paw import valence_electrons
from flows.planning import cost_model


def test_without_labels_the_estimate_stands() -> None:
    assert learn([]).seconds(40.0, {"electrons": 32.0}) == 40.0


def test_labels_of_one_size_scale_the_estimate() -> None:
    known = [Known(40.0, {"electrons": 32.0}, seconds) for seconds in (18.0, 20.0, 22.0)]
    model = learn(known)
    assert model.seconds(40.0, {"electrons": 32.0}) == pytest.approx(20.0, rel=0.01)
    assert model.seconds(100.0, {"electrons": 256.0}) == pytest.approx(50.0, rel=0.01), "as the estimate grows"
    assert model.error == pytest.approx(0.08, abs=0.01)


def test_labels_of_many_sizes_teach_the_exponents() -> None:
    rng = np.random.default_rng(0)

    def draw() -> Known:
        factors = {"electrons": rng.uniform(8, 300), "k-points": rng.uniform(1, 60), "cutoff": rng.uniform(200, 600)}
        seconds = 3e-4 * factors["electrons"] ** 1.6 * factors["k-points"] ** 0.8 * factors["cutoff"]
        return Known(factors["electrons"] ** 2 * factors["k-points"], factors, seconds * rng.lognormal(0, 0.1))

    model = learn([draw() for _ in range(30)])
    wrong = [model.seconds(one.estimate, one.factors) / one.seconds - 1 for one in (draw() for _ in range(50))]
    assert np.sqrt(np.mean(np.square(wrong))) < 0.15


def test_the_labels_of_a_store_are_learned_from(store: LabelStore) -> None:
    for number, repeat in enumerate((1, 2)):
        settings = GPAWLabeler(cutoff_eV=300 + 100 * number)
        labeler, atoms = make_labeler(settings), prototype("Ge", 1.0, repeat)
        store.claim(f"L{number}", atoms, "gpaw")
        provenance = {"labeler": labeler.identity()}
        cost = 0.3 * labeler.estimate_core_seconds(atoms)
        store.complete(f"L{number}", Label(0.0, np.zeros((len(atoms), 3)), None, cost, provenance))
    model, labeler = cost_model(store.entries(), "gpaw"), make_labeler(GPAWLabeler())
    atoms = prototype("Ge")
    found = model.seconds(labeler.estimate_core_seconds(atoms), labeler.cost_factors(atoms))
    assert (model.labels, found) == (2, pytest.approx(0.3 * labeler.estimate_core_seconds(atoms)))
    assert cost_model(store.entries(), "emt").labels == 0


def test_valence_electrons_are_those_of_the_data_set() -> None:
    assert (valence_electrons("Ge", "PBE"), valence_electrons("Cu", "PBE")) == (4.0, 11.0)
    assert valence_electrons("Ge", "revPBE") == 4.0
