"""Properties over seeds, and what they show against the baseline."""

from dataclasses import replace
from math import log

import pytest

from al_core.evaluation.measured import Property
from al_core.report.overview import overview
from al_core.report.properties import compared, readable, references
from al_core.report.tiles import properties_tile
from tests.al_core.report.studies import PROPERTIES, study, with_properties


def test_a_leader_that_is_nearer_to_the_reference_has_improved():
    found = compared(overview(with_properties(study())))
    assert (found.budget, found.seeds) == (8, (0, 1, 2))
    assert "vacancy_formation_energy_eV" not in found.found, "the baseline has no value"
    others = {name for kind, names in PROPERTIES.items() if kind != "defects" for name in names}
    assert set(found.found) == others | {"coordination_300K"}
    assert found.counted() == {"improved": 8, "harmed": 0, "undecided": 1}


def test_all_properties_together_are_a_geometric_mean():
    """Of eight that have a reference, one is right with both arms; the others are off by some 3 against 25 %."""
    found = compared(overview(with_properties(study())))
    assert len(found.log_ratios) == 3
    assert found.log_ratios == pytest.approx([7 / 8 * log(0.03 / 0.25)] * 3, abs=0.05)


def test_a_deviation_below_a_thousandth_counts_as_one():
    results = with_properties(study())
    right = [
        replace(row, properties={name: replace(one, value=103.8) for name, one in row.properties.items()})
        for row in results.properties
        if row.evaluation == "elastic"
    ]
    one = {"elastic": replace(results.references["elastic"], properties={"C11_GPa": Property(103.8, "GPa")})}
    found = compared(overview(replace(results, properties=tuple(right), references=one)))
    assert found.log_ratios == (0, 0, 0)


def test_where_every_reference_is_zero_there_is_nothing_together():
    results = with_properties(study())
    zero = {
        "phonons": replace(results.references["phonons"], properties={"imaginary_modes_percent": Property(0.0, "%")})
    }
    view = overview(replace(results, references=zero))
    assert compared(view).log_ratios == ()
    assert not any("together" in line for line in properties_tile(view).lines)


def test_one_that_is_further_off_is_harmed():
    results = with_properties(study(levels={"rescaled": 0.5, "scratch": 1.0}))
    arms = [{"kind": "scratch", "name": "rescaled"}, {"kind": "transfer", "name": "scratch"}]
    swapped = overview(replace(results, config={**results.config, "arms": arms}))
    assert (swapped.baseline, swapped.leader) == ("rescaled", "scratch")
    assert compared(swapped).counted() == {"improved": 0, "harmed": 8, "undecided": 1}


def test_two_seeds_decide_nothing():
    found = compared(overview(with_properties(study(seeds=(0, 1)))))
    assert found.counted() == {"improved": 0, "harmed": 0, "undecided": 9}


def test_verdicts_are_corrected_for_their_number():
    """C11 is nearer by 3, 4 and 6 GPa: p = 0.04 is enough alone, but not among three that show nothing."""
    off = {"scratch": (10.0, 10.0, 10.0), "rescaled": (7.0, 6.0, 4.0)}
    results, rows = with_properties(study(), budgets=(8,)), []
    for row in results.properties:
        if row.evaluation == "elastic" and row.arm in off:
            noise = (3.0, -3.0, 1.0)[row.seed] if row.arm == "scratch" else 0.0
            values = {"C11_GPa": 103.8 + off[row.arm][row.seed], "C12_GPa": 43.4 + noise, "C44_GPa": 54.6 - noise}
            properties = {name: replace(row.properties[name], value=value) for name, value in values.items()}
            rows.append(replace(row, properties=properties))
    several = compared(overview(replace(results, properties=tuple(rows))))
    assert several.found == dict.fromkeys(("C11_GPa", "C12_GPa", "C44_GPa"), "undecided")
    alone = [replace(row, properties={"C11_GPa": row.properties["C11_GPa"]}) for row in rows]
    assert compared(overview(replace(results, properties=tuple(alone)))).found == {"C11_GPa": "improved"}


def test_without_references_or_a_baseline_nothing_is_compared():
    results = with_properties(study())
    assert compared(overview(replace(results, references={}))) is None
    lone = tuple(row for row in results.properties if row.arm != "scratch")
    assert compared(overview(replace(results, properties=lone))) is None
    assert references(overview(results))["C11_GPa"] == 103.8


@pytest.mark.parametrize(
    ("name", "unit", "text"),
    [
        ("lattice_constant_A", "Å", "lattice constant"),
        ("beta_tin_energy_meV_per_atom", "meV/atom", "beta tin energy"),
        ("drift_300K_meV_per_atom_per_ps", "meV/atom/ps", "drift 300K"),
        ("bulk_modulus_derivative", "", "bulk modulus derivative"),
        ("surface_100_J_per_m2", "J/m²", "surface 100"),
    ],
)
def test_names_are_readable_without_their_unit(name, unit, text):
    assert readable(name, unit) == text
