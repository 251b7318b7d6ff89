"""Numbers as the report prints them."""

import pytest

from al_core.report.numbers import counted, hours, interval_text, number, reach_text, signed
from al_core.studies.statistics import Reach


def test_numbers_have_three_digits():
    texts = [number(value) for value in (1234.4, 99.96, 71.234, 7.126, 0.0614, 0.00012, 0.0, -3.456, -0.00001)]
    assert texts == ["1234", "100", "71.2", "7.13", "0.061", "0.00012", "0.000", "−3.46", "−1e-05"]


def test_or_as_many_as_are_asked_for():
    assert [number(value, 4) for value in (1234.4, 999.96, 5.7673, 0.06683)] == ["1234", "1000", "5.767", "0.0668"]


def test_signs_counts_and_times():
    assert [signed(value) for value in (0.5, -0.5, 0.0)] == ["+0.500", "−0.500", "0.000"]
    assert [counted(1, "label"), counted(4, "label")] == ["1 label", "4 labels"]
    assert [hours(value) for value in (0, 88.0, 7250.0)] == ["nothing", "88.0 core-seconds", "2.01 core-hours"]


@pytest.mark.parametrize(
    ("reach", "text"),
    [(Reach(7.84), "7.8"), (Reach(8.0, ">"), "> 8"), (Reach(1.0, "<="), "≤ 1"), (Reach(12.3), "12")],
)
def test_a_reach_has_its_bound(reach, text):
    assert reach_text(reach).replace("\N{NO-BREAK SPACE}", " ") == text


def test_an_interval_of_one_value_is_that_value():
    assert interval_text(Reach(2.0, ">"), Reach(2.0, ">")).split() == [">", "2"]
    assert interval_text(Reach(1.5), Reach(4.0, ">")).split() == ["1.5", "to", ">", "4"]
