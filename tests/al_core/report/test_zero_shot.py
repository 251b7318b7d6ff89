"""What the report says of potentials that were measured as they are."""

from dataclasses import replace

from al_core.report.overview import overview
from al_core.report.sections.learning import learning_figure, learning_section
from al_core.report.zero_shot import zero_shot_sentences
from al_core.studies.records import ZeroShotRecord
from al_core.studies.results import StudyResults
from tests.al_core.report.studies import BUDGETS, ENERGY, FORCE, LEVELS, STRESS, study

NOTE = "CHGNet 0.3.0 has been trained on Ge among other elements"


def measured(force: float, **found: float) -> StudyResults:
    """A made-up study with a potential as it is; scratch has 200, 141, 100 and 71 meV/Å with 1, 2, 4 and 8 labels."""
    record = ZeroShotRecord({"all": {FORCE: force, **found}}, (NOTE,), 12.0)
    return replace(study(noise=0.0), zero_shot={"CHGNet 0.3.0": record})


def test_it_says_the_errors_and_what_the_potential_has_seen() -> None:
    (paragraph,) = zero_shot_sentences(overview(measured(248.0, **{ENERGY: 111.4})))
    assert paragraph.startswith(
        "CHGNet 0.3.0 as it is, with no label of this study: force MAE 248 meV/Å, energy MAE 111 meV/atom, mean over "
        "the test slices. Energies are compared after one constant per atom, fitted to the test set, is taken off."
    )
    assert f" {NOTE}. " in paragraph
    assert "stress" not in paragraph, "no label has one"


def test_it_says_from_how_many_labels_on_each_arm_is_better() -> None:
    (paragraph,) = zero_shot_sentences(overview(measured(120.0)))
    part = "Smaller mean force errors, shared label sets, random: scratch from 4 labels on; transfer from 8 labels on; "
    assert part + "rescaled from 1 label on." in paragraph
    (hard,) = zero_shot_sentences(overview(measured(60.0)))
    assert "scratch not with up to 8 labels; transfer not with up to 8 labels; rescaled from 4 labels on" in hard


def test_a_study_without_such_a_potential_has_no_sentence() -> None:
    assert zero_shot_sentences(overview(study())) == []
    assert "as it is" not in learning_section(overview(study())).html


def test_the_potential_is_a_dashed_line_in_every_panel_that_has_its_error() -> None:
    view = overview(measured(900.0))
    metrics = (FORCE, ENERGY, STRESS)
    columns = {part.title: {metric: view.curves(part, metric) for metric in metrics} for part in view.parts}
    figure = learning_figure(columns, BUDGETS, view.styles, {"CHGNet 0.3.0": {FORCE: 900.0}})
    lines = [trace for trace in figure.data if trace.name == "CHGNet 0.3.0"]
    assert [list(line.y) for line in lines] == [[900.0, 900.0]] * len(view.parts)
    first_row = [axis.domain for axis in figure.select_yaxes(row=1)]
    assert [figure.layout[line.yaxis.replace("y", "yaxis")].domain for line in lines] == first_row
    assert all(line.line.dash == "dash" and line.x[0] < 1 and line.x[-1] > BUDGETS[-1] for line in lines)
    assert 10 ** figure.layout.yaxis.range[1] > 900, "it is within the panel"
    assert [trace.name for trace in figure.data if trace.showlegend] == [*LEVELS, "CHGNet 0.3.0"]
    assert "Dashed: a potential as it is" in learning_section(view).html
