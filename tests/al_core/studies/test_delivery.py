"""What a growth leaves: a committee's folder with its calibration, and a file for other programs."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_core.config.arms import ScratchArm
from al_core.config.training import Training
from al_core.models.bundle import load_bundle, save_bundle
from al_core.models.calculator import CommitteeCalculator
from al_core.models.committee import committee_folders, content_hash, read_calibration
from al_core.models.prediction import predict
from al_core.models.rescaling import relabel
from al_core.storage.files import write_json
from al_core.studies import delivery
from al_core.studies.delivery import deliver
from al_core.studies.keys import ModelInputs
from al_core.studies.workspace import Workspace
from al_core.uncertainty.calibration import Calibration

FOUND = Calibration(2.5, 4, ((0.68, 1.0), (0.9, 2.1), (0.95, 2.8)), 0.041)


def _model(out: Path, committee: Any, label: str) -> ModelInputs:
    """Return the inputs of a committee that is there."""
    model = ModelInputs(out, ScratchArm(), "Ge", 0, (label,), (), "", "", Training(steps=30), "cpu")
    folder = Workspace(out).models(model.key)
    for number, bundle in enumerate(committee):
        save_bundle(relabel(bundle, "Ge"), folder / f"member-{number}")
    write_json(
        folder / "training.json",
        {"labels": [label], "members": list(range(len(committee))), "core_seconds": 1.0, "failure": ""},
    )
    return model


@pytest.fixture
def model(source: Any, tmp_path: Path) -> ModelInputs:
    return _model(tmp_path, source, "L")


def _sum_of_weights(bundle: Any) -> str:
    return str(sum(float(weights.double().abs().sum()) for weights in bundle.weights.values()))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the file for other programs without mace, which takes seconds to import."""
    monkeypatch.setattr(delivery, "export", lambda bundle, path: path.write_text(_sum_of_weights(bundle)))


@pytest.mark.usefixtures("quick")
def test_the_folder_is_the_committee_with_its_calibration(model: ModelInputs, cells: Any, cpu: Any) -> None:
    deliver(model, FOUND)
    workspace = Workspace(model.out)
    folders = committee_folders(workspace.model)
    assert content_hash(folders) == content_hash(committee_folders(workspace.models(model.key)))
    assert read_calibration(workspace.model) == FOUND
    atoms = cells["rattled"].copy()
    atoms.calc = CommitteeCalculator.of_folder(workspace.model, "cpu")
    assert np.isfinite(atoms.get_forces()).all()
    assert atoms.calc.get_property("forces_uncertainty", atoms).shape == (8,)


@pytest.mark.usefixtures("quick")
def test_the_folder_of_an_earlier_round_is_replaced_whole(model: ModelInputs, source: Any) -> None:
    deliver(model, FOUND)
    workspace = Workspace(model.out)
    (workspace.model / "notes.txt").write_text("of the earlier round")
    leftover = workspace.out / ".tmp-model" / "member-0"  # of a run that was killed
    leftover.mkdir(parents=True)
    (leftover / "model.json").write_text("{}")
    before = (workspace.out / "Ge.model").read_bytes()
    one = _model(model.out, [source[1]], "M")
    deliver(one, replace(FOUND, scale=3.5))
    assert [path.name for path in sorted(workspace.model.iterdir())] == ["calibration.json", "member-0"]
    assert content_hash(committee_folders(workspace.model)) == content_hash(
        committee_folders(workspace.models(one.key))
    )
    found = read_calibration(workspace.model)
    assert found is not None
    assert found.scale == 3.5
    assert (workspace.out / "Ge.model").read_bytes() != before
    assert not list(workspace.out.glob(".tmp-*"))


@pytest.mark.usefixtures("default_dtype")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_other_programs_read_the_first_member(model: ModelInputs, cells: Any, cpu: Any) -> None:
    deliver(model, FOUND)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mace.calculators import MACECalculator

        theirs = MACECalculator(model_paths=str(model.out / "Ge.model"), device="cpu", default_dtype="float64")
    atoms = cells["rattled"].copy()
    atoms.calc = theirs
    first = load_bundle(committee_folders(Workspace(model.out).model)[0])
    expected = predict([first], [cells["rattled"]], cpu)
    assert atoms.get_potential_energy() == pytest.approx(expected.energies[0, 0], abs=1e-5)
    np.testing.assert_allclose(atoms.get_forces(), expected.forces[0][0], rtol=0, atol=1e-4)
