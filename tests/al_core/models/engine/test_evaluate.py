"""A stack's answers do not depend on how many atoms and models are computed at once."""

from typing import Any

import numpy as np
import pytest
import torch

from al_core.models.engine import evaluate as engine
from al_core.models.engine.stack import stack


@pytest.mark.parametrize("at_once", [1, 9, 30])
def test_parts_say_what_all_says(
    source: Any, cells: Any, cpu: Any, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    models, structures = stack(source, torch.float64, cpu), list(cells.values())
    monkeypatch.setitem(engine._AT_ONCE, "cpu", 10**6)
    whole = engine.evaluate(models, structures)
    assert [part.shape for part in whole[:2]] == [(len(source), len(structures)), (len(source), whole[1].shape[1], 3)]
    monkeypatch.setitem(engine._AT_ONCE, "cpu", at_once)
    for one, other in zip(whole, engine.evaluate(models, structures), strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-10)


def test_nothing_is_an_answer_to_no_structures(source: Any, cpu: Any) -> None:
    energies, forces, stresses = engine.evaluate(stack(source, torch.float64, cpu), [])
    assert (energies.shape, forces.shape, stresses.shape) == (
        (len(source), 0),
        (len(source), 0, 3),
        (len(source), 0, 3, 3),
    )
