"""Colours and markers of arms."""

import pytest

from al_core.report.styles import DARK, arm_styles, faded, round_colours, slice_styles


def test_an_arm_has_one_colour_and_no_two_share_it():
    styles = arm_styles(["scratch", "a", "b", "c", "d", "e", "f"], "scratch")
    assert len({style.colour for style in styles.values()}) == 7
    assert arm_styles(["a", "scratch"], "scratch")["a"] == styles["a"]


def test_many_arms_differ_in_colour_or_marker():
    styles = arm_styles([f"arm {number}" for number in range(30)], "scratch")
    assert len(set(styles.values())) == 31


def _luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True])
def test_arms_slices_and_rounds_stand_out_from_the_page(dark):
    """Three to one, as WCAG 2 asks of graphics; light colours of the palette have two on white."""
    paper = DARK["#ffffff"] if dark else "#ffffff"
    arms, slices = arm_styles(["scratch", *"abcdef"], "scratch"), slice_styles("abcdefghi")
    for light in [*(style.colour for style in (*arms.values(), *slices.values())), *round_colours(5)]:
        colour = DARK.get(light, light) if dark else light
        low, high = sorted([_luminance(colour), _luminance(paper)])
        assert (high + 0.05) / (low + 0.05) > (3 if dark else 2)


def test_every_colour_of_an_arm_has_one_for_the_dark_page():
    assert {style.colour for style in arm_styles(["scratch", *"abcdef"], "scratch").values()} <= set(DARK)


def test_a_faded_colour_keeps_the_colour():
    assert faded("#0072b2", 0.5) == "#0072b280"


def test_rounds_have_colours_from_the_first_to_the_last():
    assert round_colours(1) == round_colours(5)[:1]
    assert round_colours(2) == [round_colours(5)[0], round_colours(5)[-1]]
    assert len(round_colours(7)) == 7
