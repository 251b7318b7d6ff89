"""What figures have in common."""

import json
import re

import pytest

from al_core.report.figures import error_range, figure_html, log_ticks, panels, shown_once
from al_core.studies.curves import learning_curves
from tests.al_core.report.studies import FORCE, study


@pytest.mark.parametrize(("low", "high"), [(50, 120), (9, 11), (0.8, 900), (3, 4000)])
def test_ticks_are_round_and_enough(low, high):
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 14
    assert ticks == sorted(ticks)
    assert low <= ticks[0]
    assert ticks[-1] <= high


def test_the_error_axis_holds_all_seeds():
    curves = learning_curves(study().rows, "shared", "random", FORCE)
    low, high = error_range(curves)
    values = [value for curve in curves for point in curve.points for value in point.values]
    assert low < min(values) < max(values) < high
    assert error_range([]) == (0.1, 1.0)


def test_panels_share_axes_and_name_an_arm_once():
    figure = panels(["one", "two"], rows=2)
    for row in (1, 2):
        for column in (1, 2):
            figure.add_scatter(x=[1], y=[1], name="arm", row=row, col=column)
    shown_once(figure)
    assert [trace.showlegend for trace in figure.data] == [True, False, False, False]
    assert {trace.legendgroup for trace in figure.data} == {"arm"}
    assert figure.layout.yaxis2.matches == "y"
    assert figure.layout.xaxis3.matches == figure.layout.xaxis.matches == "x3" or figure.layout.xaxis.matches == "x3"


def test_a_figure_on_the_page_cannot_end_its_script_and_says_what_it_shows():
    figure = panels(["</script>"])
    figure.add_scatter(x=[1], y=[1], name="</script>")
    html = figure_html(figure, "some-id", 'what "it" shows')
    assert html.count("</script>") == 1
    data = json.loads(re.search(r'id="some-id-data">(.*)</script>', html)[1])
    assert data["data"][0]["name"] == "</script>"
    assert 'aria-label="what &#34;it&#34; shows"' in html
