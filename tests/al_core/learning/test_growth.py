"""The rounds of a growth with steps that compute nothing: what is chosen, what is replaced, and when it ends."""

import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from al_core.errors import LabelError, SelectionError, TrainingError
from al_core.evaluation.measured import Measured
from al_core.exploration.frames import Frame, Journey, write_frames
from al_core.labels.store import Attempt, LabelStore
from al_core.learning.growth import Growth
from al_core.learning.steps import LabelOutcome, SelectionOutcome
from al_core.storage.files import read_json, write_json
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures
from al_core.studies.growth_index import Round
from al_core.studies.keys import CalibrationInputs, EvaluationInputs, ExplorationInputs, ModelInputs, SelectionInputs
from al_core.studies.ledger import Requests
from al_core.studies.workspace import Workspace
from al_core.types import Label
from al_core.uncertainty.calibration import Calibration, calibration
from tests.helpers import growth_config

COST = 100.0  # core-seconds of a label
WANTED = 0.040  # eV/Å


@dataclass
class FakeSteps:
    """Explores made structures, labels into a store, and remembers what it was asked.

    Attributes:
        workspace: the folder.
        worst: the error expected of the worst atom of each frame of a round, eV/Å, by the labels that there are; the
            last goes on.
        frames: of each walker.
        journeys: what becomes of walkers, by their number.
        fails: which labels fail, in the order they are asked, from 0.
        hot: which labels have forces of 60 eV/Å along each axis, likewise.
        stable: whether dynamics are.
        untrainable: why no committee can be trained.
        sure: walkers whose frames are below every window.
        same: whether walkers of every round come by the same structures.
        interrupted_before: the label before which a user presses Ctrl-C.
    """

    workspace: Workspace
    worst: Sequence[float] = (0.1,)
    frames: int = 3
    journeys: Mapping[int, Journey] = field(default_factory=dict)
    fails: Collection[int] = ()
    hot: Collection[int] = ()
    stable: bool = True
    untrainable: str = ""
    sure: Collection[int] = ()
    same: bool = False
    interrupted_before: int | None = None
    trained: list[ModelInputs] = field(default_factory=list)
    calibrated: list[CalibrationInputs] = field(default_factory=list)
    explored: list[ExplorationInputs] = field(default_factory=list)
    selections: list[SelectionInputs] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    evaluated: list[EvaluationInputs] = field(default_factory=list)
    delivered: list[tuple[ModelInputs, Calibration]] = field(default_factory=list)

    def train(self, committees: Sequence[ModelInputs]) -> list[str]:
        self.trained += committees
        return [self.untrainable] * len(committees)

    def calibrate(self, inputs: CalibrationInputs) -> Calibration:
        self.calibrated.append(inputs)
        return Calibration(1.5, len(inputs.drawn), calibration([]).widths, 0.03)

    def explore(self, explorations: Sequence[ExplorationInputs]) -> None:
        for inputs in explorations:
            self.explored.append(inputs)
            frames, journeys = [], []
            for walker in inputs.walkers:
                journey = self.journeys.get(walker, Journey("crystal", 300.0, 1.0))
                journeys.append(asdict(journey))
                for number in range(1 if journey.left else self.frames):
                    worst = self.worst[min(len(inputs.model.labels), len(self.worst) - 1)]
                    worst = 0.01 if walker in self.sure else worst
                    rng = np.random.default_rng([0 if self.same else inputs.round, walker, number])
                    positions = np.array([[0, 0, 0], [2, 2, 2]]) + rng.uniform(0, 1, (2, 3))
                    atoms = Atoms("Ge2", positions, cell=[6, 6, 6], pbc=True)
                    atoms.positions = atoms.positions.round(6)
                    atoms.info["config_type"] = f"crystal_{journey.temperature_K:g}K"
                    frames.append(Frame(atoms, walker, 0.1 * number, 0.5 * worst, worst))
            write_frames(self.workspace.frames(inputs.key), frames)
            write_json(self.workspace.exploration(inputs.key), {"journeys": journeys})

    def select(self, selections: Sequence[SelectionInputs]) -> list[SelectionOutcome]:
        self.selections += selections
        return [SelectionOutcome(inputs.candidates[: inputs.k]) for inputs in selections]

    def label(self, structures: Sequence[str], file: Path) -> dict[str, LabelOutcome]:
        store, known = LabelStore(self.workspace.store), {structure_id(a): a for a in read_structures(file)}
        outcomes = {}
        for name in structures:
            key, atoms = f"L-{name}", known[name]
            if len(self.asked) == self.interrupted_before:
                raise KeyboardInterrupt
            fails, force = len(self.asked) in self.fails, 60.0 * (len(self.asked) in self.hot)
            self.asked.append(name)
            state, entry = store.claim(key, atoms, "fake")
            if state == "yours" and fails:
                store.fail(key, Attempt(0, f"no convergence of {name}", False, True, COST, "", final=True))
            elif state == "yours":
                store.complete(key, Label(-1.0, np.full((len(atoms), 3), force), core_seconds=COST))
            cause = entry.cause if state == "failed" else f"no convergence of {name}" * (state == "yours" and fails)
            outcomes[name] = LabelOutcome(key, state == "yours", cause, force * 3**0.5)
        return outcomes

    def evaluate(self, evaluations: Sequence[EvaluationInputs]) -> list[str]:
        self.evaluated += evaluations
        for inputs in evaluations:
            if inputs.evaluation.kind == "stability":
                walks = [{"failure": "" if self.stable else "the lattice is lost"}]
                record = {**Measured({}, {"walks": walks}).as_dict(), "wall_s": 1.0, "failure": ""}
                write_json(self.workspace.evaluation(inputs.key), record)
        return [""] * len(evaluations)

    def deliver(self, model: ModelInputs, calibration: Calibration) -> None:
        self.delivered.append((model, calibration))


Make = Callable[..., Growth]
LEFT, LOST = Journey("crystal", 300.0, 0.0, left=True), Journey("crystal", 300.0, 0.5, failure="a force of 60 eV/Å")


@pytest.fixture
def steps(tmp_path: Path) -> Callable[..., FakeSteps]:
    """Make steps in a folder of their own."""

    def make(folder: str = "out", **settings: Any) -> FakeSteps:
        return FakeSteps(Workspace(tmp_path / folder), **settings)

    return make


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a growth with some steps, with other values for the keys of its config."""

    def growth(steps: FakeSteps, test: str = "", **changes: Any) -> Growth:
        settings = {
            "labels": 8,
            "batch": 4,
            "drawn": 2,
            "exploration": {"walkers": 8},
            "purpose": {"force_error_meV_per_A": 1e3 * WANTED, "temperatures_K": [300, 900]},
        }
        steps.workspace.out.mkdir(exist_ok=True)
        requests, store = Requests(steps.workspace), LabelStore(steps.workspace.store)

        def spent() -> float:
            return sum(requests.paid(entry) for key in requests.budgets if (entry := store.get(key)))

        return Growth(
            config=growth_config(**settings | changes),
            workspace=steps.workspace,
            source=(tmp_path / "source" / "member-0", tmp_path / "source" / "member-1"),
            source_hash="source",
            pool_hash="pool",
            test_hash=test,
            steps=steps,
            requests=requests,
            label_key=lambda name: f"L-{name}",
            cost=lambda atoms: 10.0 + atoms.positions[0, 0],
            spent=spent,
        )

    return growth


def _run(growth: Growth) -> list[Round]:
    """Return the rounds as they are in the end; each was yielded when its committee was measured, before its labels."""
    seen: list[Round] = []
    for one in growth.run():
        assert one is growth.rounds[-1]
        assert not one.chosen or one.reason
        seen.append(one)
    assert list(dict.fromkeys(one.number for one in seen)) == [one.number for one in growth.rounds]
    return growth.rounds


# ---- what is chosen -------------------------------------------------------------------------------------------------


def test_a_round_knows_the_committees_that_its_calibration_takes(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps()
    rounds = _run(make(fake, labels=4))
    assert rounds[0].folds == ()
    lacking = [fold for fold, _ in fake.calibrated[-1].folds]
    assert len(rounds[1].folds) == len(lacking) == 4
    assert rounds[1].folds == tuple(fold.key for fold in lacking)


def test_the_first_batch_is_drawn_in_whole(make: Make, steps: Callable[..., FakeSteps]) -> None:
    """Nobody knows yet what the committee's disagreement stands for."""
    fake = steps()
    first, *_ = _run(make(fake, labels=4))
    assert [one.drawn for one in first.chosen] == [True] * 4
    assert fake.selections == []


def test_random_draws_and_a_selection_fill_a_batch(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps()
    first, second, _ = _run(make(fake))
    assert [one.drawn for one in second.chosen] == [True, True, False, False]
    assert len({one.structure for one in (*first.chosen, *second.chosen)}) == 8
    (asked,) = fake.selections
    assert asked.k == 2
    assert list(asked.candidates[:2]) == [one.structure for one in second.chosen[2:]]
    assert not {one.structure for one in second.chosen[:2]} & set(asked.candidates)
    assert all(one.key == f"L-{one.structure}" and one.failure == "" for one in second.chosen)
    assert {(one.slice, one.atoms) for one in second.chosen} == {("crystal_300K", 2)}
    assert (second.frames, second.candidates) == (24, 24)


def test_the_selection_is_asked_of_the_committee_with_costs_and_what_walkers_came_by(
    make: Make, steps: Callable[..., FakeSteps]
) -> None:
    fake = steps()
    _run(make(fake, labels=12))
    first, second = fake.selections
    known = {structure_id(atoms): atoms for atoms in read_structures(fake.workspace.frames("round-1"))}
    assert first.file == fake.workspace.frames("round-1")
    assert first.costs == tuple(10.0 + known[name].positions[0, 0] for name in first.candidates)
    assert set(first.target) <= set(known)
    assert len(first.target) == 22, "all frames that are not drawn"
    assert [len(one.describing.labels) for one in fake.selections if one.describing] == [0, 0], "what it started from"
    assert [len(one.labelled) for one in fake.selections] == [4, 8]
    assert {one.committee for one in fake.selections} == {None}, "no forces are asked"
    assert second.file == fake.workspace.frames("round-2")


def test_random_selections_of_two_rounds_or_seeds_are_different_draws(
    make: Make, steps: Callable[..., FakeSteps]
) -> None:
    """There are as many candidates in each round, and a draw depends on their number and the seed alone."""
    seeds = set()
    for seed in (0, 1):
        fake = steps(f"out{seed}")
        _run(make(fake, labels=12, acquisition="random", seed=seed))
        assert len(fake.selections) == 2
        seeds |= {inputs.seed for inputs in fake.selections}
    assert len(seeds) == 4


def test_an_acquisition_that_asks_nothing_is_told_nothing(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps()
    _run(make(fake, acquisition="random"))
    assert {(one.committee, one.costs, one.target) for one in fake.selections} == {(None, (), ())}


def test_only_frames_within_the_window_are_candidates(make: Make, steps: Callable[..., FakeSteps]) -> None:
    """The wanted error is 40 meV/Å, and the window 2 to 5 times that."""
    for worst, candidates in ((0.079, 0), (0.081, 24), (0.199, 24), (0.201, 0)):
        fake = steps(f"{worst}", worst=[worst], stable=False)
        _, second, _ = _run(make(fake, exploration={"walkers": 8, "window": [2, 5]}))
        assert second.candidates == candidates, worst
        assert bool(fake.selections) is bool(candidates)
        assert [one.drawn for one in second.chosen] == [True, True, False, False]


def test_no_more_candidates_are_asked_of_than_the_config_says(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps()
    first, *_ = _run(make(fake, exploration={"walkers": 8, "candidates": 5}))
    assert {len(one.candidates) for one in fake.selections} == {5}
    assert first.candidates == 24
    assert len({*fake.selections[0].candidates}) == 5


def test_an_empty_window_goes_on_with_random_draws(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps(worst=[0.01], stable=False)
    rounds = _run(make(fake))
    assert fake.selections == []
    assert [len(one.chosen) for one in rounds] == [4, 4, 0]
    assert [one.drawn for one in rounds[1].chosen] == [True, True, False, False], "two of them calibrate"


def test_a_window_with_too_few_is_filled_with_random_draws(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps(sure=range(1, 8), stable=False)
    rounds = _run(make(fake, batch=8, labels=16))
    (asked,) = fake.selections
    assert 0 < asked.k == len(asked.candidates) <= 3, "what the one walker came by that is unsure"
    assert rounds[1].candidates == 3
    assert len(rounds[1].chosen) == 8
    assert {one.walker for one in rounds[1].chosen[2 : 2 + asked.k]} == {0}
    assert sum(one.drawn for one in rounds[1].chosen) == 2


def test_where_every_walker_is_lost_at_once_starts_are_labelled(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps(worst=[0.5], journeys=dict.fromkeys(range(8), LEFT))
    rounds = _run(make(fake))
    assert [one.frames for one in rounds] == [8, 8, 8]
    assert [one.lost for one in rounds] == [8, 8, 8]
    assert [len(one.chosen) for one in rounds] == [4, 4, 0]
    assert {one.time_ps for one in rounds[0].chosen} == {0.0}
    assert rounds[-1].reason == "all 8 labels are spent"


def test_another_seed_draws_others(make: Make, steps: Callable[..., FakeSteps]) -> None:
    drawn = []
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        first, *_ = _run(make(steps(folder), seed=seed))
        drawn.append([one.structure for one in first.chosen if one.drawn])
    assert drawn[0] == drawn[1] != drawn[2]


def test_draws_are_of_all_frames_and_not_of_the_first(make: Make, steps: Callable[..., FakeSteps]) -> None:
    rounds = _run(make(steps(worst=[0.01], stable=False), labels=32, batch=8, drawn=8))
    chosen = [one for one_round in rounds for one in one_round.chosen]
    assert {one.walker for one in chosen} == set(range(8))
    assert {one.time_ps for one in chosen} == {0.0, 0.1, 0.2}


# ---- what is trained, calibrated and explored -----------------------------------------------------------------------


def test_each_round_has_a_batch_of_labels_more(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps()
    rounds = _run(make(fake))
    assert [one.number for one in rounds] == [0, 1, 2]
    assert [one.labels for one in rounds] == [0, 4, 8]
    assert [len(inputs.labels) for inputs in fake.trained] == [4, 8], "without labels there is nothing to train"
    assert [one.model for one in rounds[1:]] == [inputs.key for inputs in fake.trained]
    labelled = [one.key for one_round in rounds for one in one_round.chosen]
    assert set(fake.trained[1].labels) == set(labelled)
    assert set(fake.trained[0].labels) == set(labelled[:4])


def test_a_calibration_is_of_the_drawn_labels(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps()
    rounds = _run(make(fake))
    drawn = [one.key for one_round in rounds for one in one_round.chosen if one.drawn]
    assert [list(inputs.drawn) for inputs in fake.calibrated] == [[], drawn[:4], drawn]
    assert [one.calibration.structures for one in rounds] == [0, 4, 6]


def test_walkers_go_in_parts_with_the_calibration_of_the_round(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps()
    rounds = _run(make(fake))
    assert [inputs.walkers for inputs in fake.explored] == [(0, 1, 2, 3, 4, 5), (6, 7)] * 3
    assert [inputs.round for inputs in fake.explored] == [0, 0, 1, 1, 2, 2]
    assert [inputs.calibration.structures for inputs in fake.explored] == [0, 0, 4, 4, 6, 6]
    assert {inputs.given for inputs in fake.explored} == {""}
    assert [len(one.journeys) for one in rounds] == [8, 8, 8]
    assert [key for one in rounds for key in one.explorations] == [inputs.key for inputs in fake.explored]


def test_walkers_are_told_of_given_starts(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps()
    _run(make(fake, starts={"kind": "file", "path": "starts.extxyz"}))
    assert {inputs.given for inputs in fake.explored} == {"pool"}


def test_expected_errors_are_the_mean_over_all_frames(make: Make, steps: Callable[..., FakeSteps]) -> None:
    rounds = _run(make(steps(worst=[0.1, 0.1, 0.1, 0.1, 0.06], stable=False)))
    assert [one.expected for one in rounds] == pytest.approx([0.05, 0.03, 0.03])


def test_errors_are_evaluated_where_there_is_a_test_set(make: Make, steps: Callable[..., FakeSteps]) -> None:
    without, fake = steps("without"), steps("with")
    assert {one.evaluation for one in _run(make(without))} == {""}
    rounds = _run(make(fake, test="hash"))
    errors = [inputs for inputs in fake.evaluated if inputs.evaluation.kind == "errors"]
    assert [one.evaluation for one in rounds] == [inputs.key for inputs in errors]
    assert [len(inputs.model.labels) for inputs in errors] == [0, 4, 8]
    assert {inputs.subject for inputs in errors} == {"hash"}


# ---- failures -------------------------------------------------------------------------------------------------------


def test_labels_that_fail_are_replaced(make: Make, steps: Callable[..., FakeSteps]) -> None:
    """One that was drawn is replaced by a draw, one that was selected by a selection."""
    fake = steps(fails=(4, 6))
    rounds = _run(make(fake))
    chosen = rounds[1].chosen
    assert [(one.drawn, bool(one.failure)) for one in chosen] == [
        *((True, True), (True, False), (False, True), (False, False)),
        *((True, False), (False, False)),
    ]
    assert chosen[0].failure == f"no convergence of {chosen[0].structure}"
    assert [one.labels for one in rounds] == [0, 4, 8]
    assert len(set(fake.asked)) == len(fake.asked), "a label that failed is not asked for again"
    assert not {one.key for one in chosen if one.failure} & {*fake.trained[-1].labels, *fake.calibrated[-1].drawn}


def test_labels_that_training_refuses_are_replaced(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps(hot=(1,))
    chosen = _run(make(fake))[0].chosen
    cause = "its label has a force of 104 eV/Å, more than training.largest_force=50"
    assert [one.failure for one in chosen] == ["", cause, "", "", ""]
    assert not {one.key for one in chosen if one.failure} & set(fake.trained[-1].labels)


def test_the_first_batch_is_drawn_until_it_is_full(make: Make, steps: Callable[..., FakeSteps]) -> None:
    rounds = _run(make(steps(fails=(0, 2))))
    assert [(one.drawn, bool(one.failure)) for one in rounds[0].chosen] == [
        (True, number in (0, 2)) for number in range(6)
    ]
    assert rounds[1].calibration.structures == 4


def test_too_many_failures_stop_the_growth_with_the_first_cause(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps(fails=range(100))
    with pytest.raises(LabelError, match=r"4 of 4 labels failed, more than max_failed_share=0\.3; the first: ") as told:
        _run(make(fake))
    assert f"no convergence of {fake.asked[0]};" in str(told.value)
    assert str(fake.workspace.label_files) in str(told.value)


def test_two_failures_are_bad_luck(make: Make, steps: Callable[..., FakeSteps]) -> None:
    assert len(_run(make(steps(fails=(0, 1)), batch=1, drawn=1, labels=2))) == 3


def test_as_many_failures_as_the_config_allows_are_replaced(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps(fails=range(4))
    assert _run(make(fake, max_failed_share=1.0))[-1].reason == "all 8 labels are spent"


def test_a_committee_that_cannot_be_trained_ends_the_growth(make: Make, steps: Callable[..., FakeSteps]) -> None:
    with pytest.raises(TrainingError, match="cannot be trained on 4 labels: the loss is not finite"):
        _run(make(steps(untrainable="the loss is not finite")))


def test_a_selection_that_fails_ends_the_growth(
    make: Make, steps: Callable[..., FakeSteps], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeSteps, "select", lambda self, some: [SelectionOutcome(failure="not finite")] * len(some))
    with pytest.raises(SelectionError, match="not finite"):
        _run(make(steps()))


# ---- when it ends ---------------------------------------------------------------------------------------------------


def test_it_ends_when_all_labels_are_spent(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps()
    rounds = _run(make(fake))
    assert [one.reason for one in rounds] == ["", "", "all 8 labels are spent"]
    assert rounds[-1].chosen == ()
    assert len(fake.asked) == 8


def test_a_batch_takes_no_more_than_the_labels_that_are_left(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps()
    rounds = _run(make(fake, labels=5))
    assert [[one.drawn for one in each.chosen] for each in rounds] == [[True] * 4, [True], []]
    assert rounds[-1].reason == "all 5 labels are spent"


def test_it_ends_when_the_core_hours_are_spent(make: Make, steps: Callable[..., FakeSteps]) -> None:
    rounds = _run(make(steps(), labels=100, core_hours=5 * COST / 3600))
    assert [one.labels for one in rounds] == [0, 4, 8], "about: a batch is not cut"
    assert rounds[-1].reason == "0.22 core-hours are spent on labels, of 0.138889"


def test_failed_labels_cost_core_hours_too(make: Make, steps: Callable[..., FakeSteps]) -> None:
    rounds = _run(make(steps(fails=(0,)), labels=100, core_hours=5 * COST / 3600))
    assert [one.labels for one in rounds] == [0, 4]


GOOD = 0.05  # eV/Å at the worst atom; 0.025 expected on average


def test_it_ends_when_it_is_good_enough_calibrated_and_stable(make: Make, steps: Callable[..., FakeSteps]) -> None:
    """It would be good enough at once, but nothing is believed before four drawn labels have been predicted."""
    fake = steps(worst=[GOOD])
    rounds = _run(make(fake, labels=100, batch=3, drawn=1))
    assert [one.calibration.structures for one in rounds] == [0, 3, 4]
    assert rounds[-1].reason == "good enough: 25 meV/Å expected, 40 wanted; dynamics are stable"
    assert [len(one.stability) for one in rounds] == [0, 0, 2]
    walked = [inputs.evaluation for inputs in fake.evaluated]
    assert [one.temperatures_K for one in walked if one.kind == "stability"] == [(300,), (900,)]
    assert len(fake.asked) == 6


def test_an_error_above_the_wanted_one_is_not_good_enough(make: Make, steps: Callable[..., FakeSteps]) -> None:
    assert _run(make(steps(worst=[0.082]), labels=12))[-1].reason == "all 12 labels are spent"


@pytest.mark.parametrize("journey", [LEFT, LOST], ids=["left", "failed"])
def test_it_is_not_good_enough_while_walkers_are_lost(
    make: Make, steps: Callable[..., FakeSteps], journey: Journey
) -> None:
    fake = steps(worst=[GOOD], journeys={7: journey})
    rounds = _run(make(fake, labels=12))
    assert [one.lost for one in rounds] == [1, 1, 1, 1]
    assert rounds[-1].reason == "all 12 labels are spent"


def test_it_is_not_good_enough_while_dynamics_are_unstable(make: Make, steps: Callable[..., FakeSteps]) -> None:
    rounds = _run(make(steps(worst=[GOOD], stable=False), labels=12))
    assert rounds[-1].reason == "all 12 labels are spent"
    assert [len(one.stability) for one in rounds] == [0, 2, 2, 2], "they were run where all else was good"


def test_it_ends_when_no_new_structure_is_left(make: Make, steps: Callable[..., FakeSteps]) -> None:
    fake = steps(same=True)
    rounds = _run(make(fake, labels=100, exploration={"walkers": 2}))
    assert [len(one.chosen) for one in rounds] == [4, 2, 0]
    assert rounds[-1].reason == "no structure is left that is new and could be labelled"
    assert len(rounds[-1].stability) == 2
    assert len(fake.delivered) == 1


def test_the_potential_is_delivered_at_the_end_and_its_dynamics_are_run(
    make: Make, steps: Callable[..., FakeSteps]
) -> None:
    fake = steps()
    rounds = _run(make(fake))
    ((model, delivered),) = fake.delivered
    assert (model.key, delivered) == (rounds[-1].model, rounds[-1].calibration)
    assert [len(one.stability) for one in rounds] == [0, 0, 2]
    assert {inputs.model.key for inputs in fake.evaluated} == {model.key}


# ---- again ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{}, {"labels": 100, "core_hours": 5 * COST / 3600}], ids=["labels", "core-hours"])
def test_a_second_run_pays_for_nothing(make: Make, steps: Callable[..., FakeSteps], changes: dict[str, Any]) -> None:
    first = _run(make(steps(fails=(1,)), **changes))
    store = LabelStore(steps().workspace.store)
    before = [(entry.key, entry.core_seconds, entry.attempts) for entry in store.entries()]
    asked = read_json(steps().workspace.requests)
    assert _run(make(steps(), **changes)) == first
    assert [(entry.key, entry.core_seconds, entry.attempts) for entry in store.entries()] == before
    assert read_json(steps().workspace.requests) == asked


@pytest.mark.parametrize("before", [0, 1, 3, 4, 7])
def test_an_interrupted_growth_ends_as_if_it_had_not_been(
    make: Make, steps: Callable[..., FakeSteps], before: int
) -> None:
    whole = _run(make(steps("whole"), core_hours=5 * COST / 3600))
    with pytest.raises(KeyboardInterrupt):
        _run(make(steps(interrupted_before=before), core_hours=5 * COST / 3600))
    again = steps()
    assert _run(make(again, core_hours=5 * COST / 3600)) == whole
    assert len(LabelStore(again.workspace.store).entries()) == 8


def test_labels_of_another_growth_cost_nothing(make: Make, steps: Callable[..., FakeSteps]) -> None:
    _run(make(steps()))
    steps().workspace.requests.unlink()
    rounds = _run(make(steps(), core_hours=1e-6))
    assert rounds[-1].reason == "all 8 labels are spent"


def test_a_lost_exploration_is_told(
    make: Make, steps: Callable[..., FakeSteps], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeSteps, "explore", lambda self, some: None)
    with pytest.raises(SelectionError, match="is gone"):
        _run(make(steps()))


def test_the_loop_needs_no_prefect() -> None:
    program = "import sys, al_core.learning.growth, al_core.learning.local; print('prefect' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
