"""What is expected of an arm before any label: what shapes it, and what it says of pairs whose ends are known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ase.build import bulk

from al_core.models.transferability import FITS, Transferability, measured, transferability
from al_core.structures.shells import bond_length


def _stretched(structures: Any, factor: float) -> Any:
    copies = [atoms.copy() for atoms in structures]
    for atoms in copies:
        atoms.set_cell(atoms.cell.array * factor, scale_atoms=True)
    return copies


@pytest.fixture
def known(source: Any, crystals: Any) -> tuple[Any, Any]:
    """A source that knows the bonds it was trained on, and germanium of the same ones."""
    structures = crystals("Ge", 6, seed=1, rattle=0.1)
    training = {"training": {"bond_length_A": bond_length(structures)}}
    return [replace(one, info={**one.info, **training}) for one in source], structures


def test_what_rescaled_starts_from_does_not_mind_lengths_and_what_transfer_does(known: Any, cpu: Any) -> None:
    source, structures = known
    for arm in FITS:
        length, disagreement = measured(arm, source, "Ge", structures, cpu)
        assert length == pytest.approx(1.0)
        longer, other = measured(arm, source, "Ge", _stretched(structures, 1.1), cpu)
        assert longer == pytest.approx(1.1, rel=1e-3)
        if arm == "rescaled":
            assert other == pytest.approx(disagreement, rel=1e-3)
        else:
            assert abs(other / disagreement - 1) > 0.05


def test_members_that_agree_and_lengths_that_match_let_expect_more(known: Any, cpu: Any) -> None:
    source, structures = known
    alike = [source[0], replace(source[0], weights={k: v * 1.001 for k, v in source[0].weights.items()})]
    for arm in FITS:
        plain = transferability(arm, source, "Ge", structures, cpu)
        closer = transferability(arm, [replace(one, info=source[0].info) for one in alike], "Ge", structures, cpu)
        longer = transferability(arm, source, "Ge", _stretched(structures, 1.5), cpu)
        assert plain is not None
        assert closer is not None
        assert longer is not None
        assert closer.error_ratio < plain.error_ratio < longer.error_ratio
        assert plain.low < plain.error_ratio < plain.high
        assert np.sqrt(plain.low * plain.high) == pytest.approx(plain.error_ratio)


def test_nothing_is_expected_of_scratch_of_one_model_or_of_no_structures(known: Any, cpu: Any) -> None:
    source, structures = known
    assert transferability("scratch", source, "Ge", structures, cpu) is None
    assert transferability("transfer", source[:1], "Ge", structures, cpu) is None
    assert transferability("transfer", source, "Ge", [], cpu) is None
    assert transferability("transfer", source, "Ge", [bulk("Ge", a=5.7), bulk("Ge", a=5.8)], cpu) is None


@pytest.mark.parametrize(
    ("ratio", "low", "high", "verdict"),
    [(0.4, 0.2, 0.8, "helps"), (0.8, 0.4, 1.6, "may help"), (1.2, 0.6, 2.4, "may harm"), (3.0, 1.5, 6.0, "harms")],
)
def test_the_verdict_is_sure_where_nine_in_ten_are(ratio: float, low: float, high: float, verdict: str) -> None:
    assert Transferability(1.0, 0.1, ratio, low, high).verdict == verdict
