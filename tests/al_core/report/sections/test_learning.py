"""Learning curves as small multiples."""

from dataclasses import replace

import numpy as np

from al_core.report.overview import overview
from al_core.report.sections.learning import learning_figure, learning_section
from al_core.report.styles import arm_styles
from al_core.studies.curves import learning_curves
from tests.al_core.report.studies import BUDGETS, ENERGY, FORCE, LEVELS, STRESS, Page, study, with_stress


def test_the_figure_has_log_axes_with_ticks_at_the_budgets():
    rows = study().rows
    curves = {metric: learning_curves(rows, "shared", "random", metric) for metric in (FORCE, ENERGY, STRESS)}
    figure = learning_figure({"random": curves}, BUDGETS, arm_styles(list(LEVELS), "scratch"))
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    assert figure.layout.xaxis.tickvals == BUDGETS
    assert figure.layout.yaxis.title.text == "force MAE, meV/Å"
    assert figure.layout.yaxis2.title.text == "energy MAE, meV/atom"
    assert len(list(figure.select_yaxes())) == 2, "no label has a stress"
    band, dots, mean = figure.data[:3]
    force = curves[FORCE][0]
    assert list(mean.y) == [point.mean for point in force.points]
    assert len(dots.y) == 12
    assert max(band.y) == max(point.spread.high for point in force.points)
    low, high = 10 ** np.array(figure.layout.yaxis.range)
    of_force = [trace for trace in figure.data if trace.yaxis == "y"]
    assert low < min(min(trace.y) for trace in of_force)
    assert high > max(max(trace.y) for trace in of_force)


def test_panels_of_a_row_have_common_axes_and_there_is_one_legend():
    view = overview(with_stress(study()))
    columns = {
        part.title: {metric: view.curves(part, metric) for metric in (FORCE, ENERGY, STRESS)} for part in view.parts
    }
    figure = learning_figure(columns, BUDGETS, view.styles)
    assert len({axis.range for axis in figure.select_yaxes(row=1)}) == 1
    assert len({axis.range for axis in figure.select_xaxes()}) == 1
    assert [trace.name for trace in figure.data if trace.showlegend] == list(LEVELS)
    colours = {trace.name: set() for trace in figure.data}
    for trace in figure.data:
        if trace.mode == "lines+markers":
            colours[trace.name].add((trace.line.color, trace.marker.symbol))
    assert all(len(one) == 1 for one in colours.values())


def test_the_exponents_are_those_of_the_curves():
    section = learning_section(overview(study(noise=0.0)))  # 200 meV/Å / sqrt(labels)
    rows = [row for row in Page(f"<section id='x'>{section.html}").rows if "95" in row[-1]]
    assert [[cell.split()[0] for cell in row] for row in rows] == [[arm, *["0.500"] * 3] for arm in LEVELS]
    short = learning_section(overview(study(keep=lambda row: row.budget < 4)))
    assert "How fast" not in short.html, "two budgets are no law"


def test_it_is_said_where_more_labels_make_errors_larger():
    falling = study(noise=0.0, levels={"scratch": 1.0})
    assert "More labels, larger errors" not in learning_section(overview(falling)).html
    rows = [
        replace(
            row,
            metrics={name: {**one, FORCE: one[FORCE] * (2 if row.seed else 1.9)} for name, one in row.metrics.items()},
        )
        if (row.budget, row.acquisition, row.comparison) == (4, "random", "shared")
        else row
        for row in falling.rows
    ]
    html = learning_section(overview(replace(falling, rows=rows))).html
    assert "force MAE of scratch (shared label sets, random) from 2 to 4 labels, 141 to 197 meV/Å" in html
    assert html.count("from 2 to 4 labels") == 1


def test_there_is_no_section_without_a_finished_cell():
    assert learning_section(overview(study(keep=lambda row: False))) is None
