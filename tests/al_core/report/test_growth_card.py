"""The model card of a grown potential: errors by slice with what is outside the purpose, dynamics, cost and doubts."""

from pathlib import Path

from al_core.report.growth_card import growth_card
from tests.al_core.report.growths import make_growth


def test_the_card_says_what_it_is_for_and_how_wrong_it_is(tmp_path: Path) -> None:
    lines = growth_card(make_growth(tmp_path)).splitlines()
    assert lines[0] == "# germanium"
    assert "| trained on | 6 labels, of them 6 drawn at random; paid for labels: 2.00 core-hours |" in lines
    assert "| labeler | kind gpaw, cutoff_eV 250.0 |" in lines
    assert "| growing ended | good enough |" in lines
    assert (
        "Expected of force components, mean over what walkers of the purpose came by: 65.3 meV/Å; 30 was wanted."
        in lines
    )
    assert "| crystal_300K | 4 | 20.0 | 25.0 | 1.00 | – | – |" in lines
    assert "| surface_300K (outside the purpose) | 3 | 220.0 | 275.0 | 1.00 | – | – |" in lines
    assert "- NVT at 900 K: 5 ps, stable to the end" in lines
    assert "- The expected force error is above the 30 meV/Å that were wanted." in lines


def test_without_a_test_set_it_says_so(tmp_path: Path) -> None:
    card = growth_card(make_growth(tmp_path, tested=False))
    assert "There was no test set: errors are expected ones only." in card
    assert "| slice |" not in card
