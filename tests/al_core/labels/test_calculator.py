"""A labeler as an ASE calculator."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.optimize import BFGS

from al_core.config.labelers import StillingerWeberLabeler
from al_core.errors import LabelError
from al_core.labels.calculator import LabelCalculator
from calculators.base import make_labeler
from calculators.classical.stillinger_weber import stillinger_weber


@pytest.fixture
def labeler() -> Any:
    return make_labeler(StillingerWeberLabeler())


@pytest.mark.parametrize("stored", [True, False])
def test_it_gives_the_labels_of_the_labeler(
    labeler: Any, store: Any, tmp_path: Path, crystals: Any, stored: bool
) -> None:
    atoms = crystals("Ge", 1)[0]
    expected = atoms.copy()
    expected.calc = stillinger_weber("Ge")
    atoms.calc = LabelCalculator(labeler, store, tmp_path / "files") if stored else LabelCalculator(labeler)
    assert atoms.get_potential_energy() == pytest.approx(expected.get_potential_energy(), abs=1e-5)
    np.testing.assert_allclose(atoms.get_forces(), expected.get_forces(), atol=1e-4)
    np.testing.assert_allclose(atoms.get_stress(), expected.get_stress(), atol=1e-6)


def test_a_relaxation_that_is_run_again_computes_nothing(
    labeler: Any, store: Any, tmp_path: Path, crystals: Any
) -> None:
    ends, kept = [], []
    for _ in range(2):
        atoms = crystals("Ge", 1)[0]
        atoms.calc = LabelCalculator(labeler, store, tmp_path / "files")
        BFGS(atoms, logfile=None).run(fmax=0.05, steps=20)
        ends.append(atoms.positions)
        kept.append({entry.key: entry.core_seconds for entry in store.entries()})
    assert len(kept[0]) > 3
    assert kept[0] == kept[1]
    np.testing.assert_array_equal(*ends)


def test_the_last_steps_of_a_relaxation_have_labels_of_their_own(
    labeler: Any, store: Any, tmp_path: Path, crystals: Any
) -> None:
    """Labels of structures that are equivalent, within 1e-4 Å, would let an optimizer divide by zero."""
    atoms = crystals("Ge", 1)[0]
    atoms.calc = LabelCalculator(labeler, store, tmp_path / "files")
    before = atoms.get_forces()
    atoms.positions[0] += [4e-5, 0, 0]
    assert 1e-5 < np.abs(atoms.get_forces() - before).max() < 1e-2
    atoms.positions[0] = np.nan
    with pytest.raises(LabelError, match="where is no number"):
        atoms.get_forces()


def test_a_stress_that_a_labeler_does_not_give_is_an_error(labeler: Any, crystals: Any, monkeypatch: Any) -> None:
    label = labeler.label
    monkeypatch.setattr(labeler, "label", lambda *given: replace(label(*given), stress=None))
    atoms = crystals("Ge", 1)[0]
    atoms.calc = LabelCalculator(labeler)
    assert atoms.get_forces().shape == (8, 3)
    with pytest.raises(LabelError, match="labeler stillinger_weber gives no stress"):
        atoms.get_stress()


@pytest.mark.parametrize("stored", [True, False])
def test_what_cannot_be_labelled_is_an_error(
    labeler: Any, store: Any, tmp_path: Path, crystals: Any, stored: bool
) -> None:
    atoms = crystals("C", 1)[0]
    atoms.calc = LabelCalculator(labeler, store, tmp_path / "files") if stored else LabelCalculator(labeler)
    with pytest.raises(LabelError, match="Stillinger-Weber labels one of Si, Ge, not C"):
        atoms.get_forces()
