"""The verdict in four tiles."""

from dataclasses import replace

from al_core.report.overview import overview
from al_core.report.tiles import MISSING, cost_tile, efficiency_tile, properties_tile, stability_tile
from tests.al_core.report.studies import study, with_properties


def test_data_efficiency_by_hand():
    # without noise transfer with 4 labels has 75 meV/Å, which scratch, 200 / sqrt(N), has with (200 / 75)^2 = 7.11
    tile = efficiency_tile(overview(study(noise=0.0, levels={"scratch": 1.0, "transfer": 0.75})))
    assert tile.value == "1.8×"
    assert tile.lines[0] == "95 % interval 1.8×, 3 seeds"
    assert tile.lines[1] == "labels scratch needs for each of transfer, at the force error of 4 labels"
    poor = efficiency_tile(overview(study(noise=0.0, levels={"scratch": 1.0, "transfer": 5.0})))
    assert poor.value.split() == ["≤", "0.25×"]


def test_two_seeds_have_no_interval():
    tile = efficiency_tile(overview(study(seeds=(0, 1))))
    assert tile.lines[0] == "2 seeds: no interval, which takes three"


def test_without_efficiency_it_says_what_is_missing():
    lone = efficiency_tile(overview(study(levels={"transfer": 1.0})))
    assert (lone.value, lone.lines) == (MISSING, ("Not measured: add {kind: scratch} to arms.",))
    alone = efficiency_tile(overview(study(levels={"scratch": 1.0})))
    assert "add an arm" in alone.lines[0]
    waiting = efficiency_tile(overview(study(keep=lambda row: row.arm != "rescaled")))
    assert waiting.lines == ("No finished cell of rescaled yet.",)
    partner = efficiency_tile(overview(study(keep=lambda row: row.arm != "scratch")))
    assert partner.lines == ("No seed has finished both rescaled and scratch yet.",)


def test_stability_is_that_of_the_leader_at_its_largest_budget():
    tile = stability_tile(overview(with_properties(study())))
    assert (tile.value, tile.unit) == ("up to 900", "K")
    assert tile.lines == (
        "rescaled at 8 labels, for 2 ps",
        "all 18 walkers at 900 K stable (95 %: at least 82 %)",
        "at 1200 K 12 of 18 walkers failed",
        "scratch: at no temperature",
    )
    fragile = with_properties(study(levels={"scratch": 1.0}))
    assert stability_tile(overview(fragile)).value == "none"
    assert stability_tile(overview(study())).lines == ("Not measured: add {kind: stability} to evaluations.",)


def test_what_is_asked_for_and_not_there_yet_is_told_apart():
    results = study()
    asked = replace(results, config={**results.config, "evaluations": [{"kind": "errors"}, {"kind": "stability"}]})
    assert stability_tile(overview(asked)).lines == ("Asked for, and nothing there yet.",)
    assert properties_tile(overview(asked)).lines == (
        "Not measured: add {kind: lattice}, {kind: elastic}, {kind: phonons} to evaluations.",
    )


def test_properties_are_counted():
    tile = properties_tile(overview(with_properties(study())))
    assert tile.counts == ((8, "improved"), (0, "harmed"), (1, "undecided"))
    assert tile.lines[-1].startswith("all together: 0.155 times its deviation")
    few = properties_tile(overview(with_properties(study(seeds=(0, 1)))))
    assert few.lines[1] == "2 seeds: too few to decide"
    bare = properties_tile(overview(replace(with_properties(study()), references={})))
    assert bare.lines == ("Not compared: there are no reference values.",)
    assert properties_tile(overview(study())).value == MISSING


def test_the_cost_is_labels_and_training():
    tile = cost_tile(overview(study()))  # 7250 + 512 core-seconds
    assert (tile.value, tile.unit) == ("2.16", "core-hours")
    assert tile.lines == (
        "41 labels: 2.01 core-hours",
        "training: 512 core-seconds",
        "2 labels failed: 88.0 core-seconds of it",
    )
    ledger = {**study().ledger, "reference_core_seconds": 7200.0}
    dearer = cost_tile(overview(replace(study(), ledger=ledger)))
    assert (dearer.value, dearer.lines[-1]) == ("2.16", "reference values, apart: 2.00 core-hours")
    assert cost_tile(overview(replace(study(), ledger={}))).value == MISSING
