"""A labeler as an ASE calculator."""

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


@pytest.mark.parametrize("stored", [True, False])
def test_what_cannot_be_labelled_is_an_error(
    labeler: Any, store: Any, tmp_path: Path, crystals: Any, stored: bool
) -> None:
    atoms = crystals("C", 1)[0]
    atoms.calc = LabelCalculator(labeler, store, tmp_path / "files") if stored else LabelCalculator(labeler)
    with pytest.raises(LabelError, match="Stillinger-Weber labels one of Si, Ge, not C"):
        atoms.get_forces()
