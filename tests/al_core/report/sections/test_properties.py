"""The table of properties."""

from dataclasses import replace

from al_core.evaluation.measured import Property
from al_core.report.overview import overview
from al_core.report.sections.properties import properties_section, property_table
from al_core.studies.results import PropertyRow
from tests.al_core.report.studies import Page, study, with_properties


def row(values, seed=0, kind="elastic"):
    """A property row of these values, in GPa."""
    found = {name: Property(value, "GPa", "it breaks" if value is None else "") for name, value in values.items()}
    return PropertyRow("shared", "a", "random", seed, 8, "model", kind, found, {}, 2.0)


def test_a_cell_has_the_mean_the_deviation_and_the_spread():
    rows = [row({"C11_GPa": value}, seed) for seed, value in enumerate((100.0, 104.0))]
    table = property_table({"a, 8 labels": rows}, {"C11_GPa": 100.0})
    assert (table.corner, table.columns) == ("property", ("reference", "a, 8 labels"))
    (name, (reference, cell)) = table.groups[0].rows[0]
    assert (name, reference.main, cell.main) == ("C11, GPa", "100.0", "102.0")
    assert [line.replace("\N{NO-BREAK SPACE}", " ") for line in cell.small.split("\n")] == ["+2.00 %", "100 to 104"]


def test_a_value_that_cannot_be_computed_has_its_reason():
    table = property_table({"a": [row({"C11_GPa": None}), row({"C11_GPa": None}, 1)], "b": []}, {})
    assert [cell.main for cell in table.groups[0].rows[0][1]] == ["–", "–"]
    assert table.groups[0].rows[0][1][0].small == "it breaks"
    some = property_table({"a": [row({"C11_GPa": 100.0}), row({"C11_GPa": None}, 1)]}, {})
    assert some.groups[0].rows[0][1][0].small == "1 of 2 seeds"


def test_where_the_reference_is_zero_the_deviation_is_in_the_unit():
    table = property_table({"a": [row({"C11_GPa": 0.5})]}, {"C11_GPa": 0.0})
    assert table.groups[0].rows[0][1][1].small == "off by +0.500"


def test_the_first_and_the_last_budget_with_properties_are_shown():
    page = Page("<section id='x'>" + properties_section(overview(with_properties(study(), (1, 4, 8)))).html)
    head = next(cells for cells in page.rows if cells[0] == " property")
    assert [cell.strip() for cell in head[1:4]] == ["reference", "scratch, 1 label", "scratch, 8 labels"]
    lattice = next(cells for cells in page.rows if cells[0] == " lattice constant, Å")
    assert lattice[1] == " 5.767"


def test_every_arm_has_a_verdict_at_every_budget():
    page = Page("<section id='x'>" + properties_section(overview(with_properties(study(), (1, 4, 8)))).html)
    head = [cells for cells in page.rows if cells[0] == " property"][1]
    arms = [f" {arm}, {labels}" for arm in ("transfer", "rescaled") for labels in ("1 label", "4 labels", "8 labels")]
    assert head[1:] == arms
    lattice = next(cells for cells in page.rows if cells[0] == " lattice constant")
    assert {cell.split()[0] for cell in lattice[1:]} <= {"improved", "harmed", "undecided"}
    assert lattice[-1].split()[0] == "improved"
    assert "−" in lattice[-1], "by how much"
    together = next(cells for cells in page.rows if cells[0] == " all together")
    assert together[-1].split()[:3] == ["improved", "0.156", "times"]


def test_two_seeds_have_no_verdicts():
    html = properties_section(overview(with_properties(study(seeds=(0, 1)), (1, 8)))).html
    assert "Nearer to the reference" not in html
    assert "takes three seeds" in html


def test_what_failed_is_listed_with_its_cause():
    results = with_properties(study())
    failed = replace(results.properties[0], properties={}, details={}, failure="the crystal <melts>")
    section = properties_section(overview(replace(results, properties=(failed, *results.properties[1:]))))
    assert "the crystal &lt;melts&gt;" in section.html
    assert "Evaluations that failed" not in properties_section(overview(results)).html


def test_without_references_there_is_no_column_for_them():
    section = properties_section(overview(replace(with_properties(study()), references={})))
    assert "There are no reference values to compare with." in section.html
    assert ">reference<" not in section.html
    assert properties_section(overview(study())) is None
