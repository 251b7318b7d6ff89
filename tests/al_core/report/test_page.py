"""The page in a real browser: figures, buttons, keyboard, light and dark, narrow and printed."""

import pytest

from al_core.report.compare import render_comparison
from al_core.report.page import Section, page_html
from al_core.report.render import render_report
from tests.al_core.report.browser import Browser, found_browser
from tests.al_core.report.studies import study, with_deviations, with_properties, with_stress

VISIBLE = """(() => {
  const box = document.querySelector("%s").getBoundingClientRect();
  return box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth && box.height > 0;
})()"""
DRAWN = """[...document.querySelectorAll(".plot")].map(
  plot => plot.querySelectorAll(".trace").length && plot.querySelectorAll(".trace path").length)"""


def test_sections_that_are_none_are_left_out():
    html = page_html("t", "", [Section("one", "One", "<p>first</p>"), None, Section("two", "T<o", "")], "")
    assert html.index('href="#one"') < html.index('href="#two"') < html.index('<section id="one"')
    assert "T&lt;o</h2>" in html


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = found_browser()
    if program is None:
        pytest.skip("no chromium here")
    one = Browser(program, tmp_path_factory.mktemp("browser"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_report(with_deviations(with_stress(with_properties(study())))), encoding="utf-8")
    return path


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_is_drawn_without_a_complaint(browser, report, dark):
    browser.open(report, dark=dark)
    assert browser.complaints == []
    drawn = browser.value(DRAWN)
    assert len(drawn) == 6
    assert all(drawn)
    assert browser.value("document.querySelectorAll('#learning-curves .trace.scatter').length") == 3 * 3 * 3 * 3


@pytest.mark.browser
def test_the_verdict_is_seen_without_scrolling(browser, report):
    browser.open(report, 1440, 900)
    assert browser.value(VISIBLE % ".headline")
    for number in range(1, 5):
        assert browser.value(VISIBLE % f".tiles > li:nth-child({number})")
    assert browser.value(VISIBLE % "nav ol")


@pytest.mark.browser
@pytest.mark.parametrize("width", [1440, 1000, 700, 400])
def test_no_page_is_wider_than_the_window(browser, report, width):
    browser.open(report, width, 800)
    assert browser.value("document.documentElement.scrollWidth") == width


@pytest.mark.browser
def test_a_dark_page_has_light_lines_and_a_print_dark_ones(browser, report):
    colour = "document.querySelector('#learning-curves .ytick text').style.fill"
    browser.open(report, dark=True)
    assert browser.value(colour) == "rgb(228, 228, 223)"
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(27, 29, 33)"
    browser.value("dispatchEvent(new Event('beforeprint'))")
    assert browser.value(colour) == "rgb(43, 43, 43)"
    assert browser.value("document.querySelectorAll('main details:not([open])').length") == 0
    browser.value("dispatchEvent(new Event('afterprint'))")
    assert browser.value(colour) == "rgb(228, 228, 223)"
    assert browser.value("document.querySelectorAll('main details:not([open])').length") > 0


@pytest.mark.browser
def test_it_prints_on_a4(browser, report):
    browser.open(report, dark=True)
    pdf = browser.pdf()
    assert pdf.startswith(b"%PDF")
    assert b"/MediaBox [0 0 594.95" in pdf or b"/MediaBox [0 0 595" in pdf


@pytest.mark.browser
def test_an_arm_is_hidden_and_shown_by_keyboard(browser, report):
    browser.open(report)
    button = "document.querySelector('#learning-curves-legend button')"
    assert browser.value(f"{button}.textContent").endswith("scratch")
    shown = "document.querySelectorAll('#learning-curves .trace.scatter').length"
    whole = browser.value(shown)
    browser.value(f"{button}.focus()")
    browser.press("Enter")
    browser.wait(f"{button}.getAttribute('aria-pressed') === 'false'")
    browser.wait(f"{shown} === {whole * 2 // 3}")
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.wait("document.querySelector('#learning-curves .ytick text').style.fill === 'rgb(228, 228, 223)'")
    assert browser.value(shown) == whole * 2 // 3, "it stays hidden when the figure is drawn again"
    browser.press("Enter")
    browser.wait(f"{shown} === {whole}")


@pytest.mark.browser
def test_the_first_tab_leads_past_the_contents(browser, report):
    browser.open(report)
    browser.press("Tab")
    assert browser.value("document.activeElement.textContent") == "Skip to the report"
    browser.press("Enter")
    browser.wait("document.activeElement.id === 'report'")


@pytest.mark.browser
def test_a_click_on_the_contents_goes_to_the_section_and_marks_it(browser, report):
    browser.open(report)
    x, y = browser.value(
        "(() => { const box = document.querySelector('nav a[href=\"#phonons\"]').getBoundingClientRect();"
        "return [box.x + 20, box.y + box.height / 2]; })()"
    )
    browser.click(x, y)
    browser.wait("Math.abs(document.querySelector('#phonons').getBoundingClientRect().top) < 60")
    browser.wait("document.querySelector('nav a[aria-current]').hash === '#phonons'")


@pytest.mark.browser
def test_every_control_and_figure_has_a_name(browser, report):
    browser.open(report)
    nameless = """[...document.querySelectorAll("button, a, [role], summary, table")].filter(one =>
      !(one.getAttribute("aria-label") || one.textContent.trim() || one.querySelector("caption"))).length"""
    assert browser.value(nameless) == 0
    assert browser.value("document.querySelectorAll('table:not(:has(caption))').length") == 0


@pytest.mark.browser
def test_a_comparison_is_drawn_too(browser, tmp_path):
    other = study(levels={"scratch": 1.1, "rescaled": 0.7})
    path = tmp_path / "comparison.html"
    path.write_text(render_comparison({"a": study(), "b": other}), encoding="utf-8")
    browser.open(path)
    assert browser.complaints == []
    assert all(browser.value(DRAWN))
