"""The result in sentences."""

from dataclasses import replace

from al_core.report.headline import cautions, headline, subject, transfer_verdict
from al_core.report.overview import overview
from tests.al_core.report.studies import study


def test_the_headline_follows_the_data_either_way():
    good = study(noise=0.0)
    assert headline(good).startswith(
        "With 4 labels, rescaled reaches a force MAE of 50.0 meV/Å; scratch does not reach"
    )
    bad = study(noise=0.0, levels={"scratch": 1.0, "transfer": 1.3})
    assert headline(bad) == "With 4 labels, transfer reaches a force MAE of 130 meV/Å; scratch needs only 2.4."
    some = study(noise=0.0, levels={"scratch": 1.0, "transfer": 0.75})
    assert headline(some) == "With 4 labels, transfer reaches a force MAE of 75.0 meV/Å; scratch needs 7.1."
    poor = study(noise=0.0, levels={"scratch": 1.0, "transfer": 5.0})
    assert headline(poor).endswith("; scratch is at least as good with 1 label.")
    lone = study(noise=0.0, levels={"transfer": 1.0})
    assert headline(lone).endswith("there is no finished scratch arm to compare it with.")


def test_what_it_is_about_does_not_depend_on_the_results():
    found = subject(overview(study()))
    assert (found.part.title, found.point.budget_labels) == ("shared label sets, random", 4)
    unfinished = overview(study(keep=lambda row: row.budget <= 2 and row.seed < 2))
    assert subject(unfinished).point.budget_labels == 2
    led = study()
    led = replace(led, config={**led.config, "shared_leader": "transfer"})
    assert headline(led).startswith("With 4 labels, transfer")


def test_without_differences_nothing_is_said_of_transfer():
    assert transfer_verdict([], "scratch").startswith("Nothing can be said yet")


def test_a_finished_study_of_three_seeds_needs_no_caution():
    assert cautions(overview(study())) == []
    assert len(cautions(overview(study(seeds=(0,), keep=lambda row: row.budget < 8)))) == 2
