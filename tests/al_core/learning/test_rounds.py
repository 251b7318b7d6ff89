"""The rounds of a study in a plain process: what fails, what is replaced, when they stop, what is not done twice."""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from al_core.errors import LabelError, SelectionError, TrainingError
from al_core.labels.store import LabelStore
from al_core.learning.inputs import StudyInputs
from al_core.learning.local import LocalSteps
from al_core.learning.rounds import Rounds
from al_core.learning.steps import LabelOutcome, SelectionOutcome
from al_core.models.bundle import save_bundle
from al_core.storage.hashing import label_key, structure_id
from al_core.structures.datasets import write_labelled
from al_core.studies.data import hash_of_test_set, write_structures
from al_core.studies.grid import Learner
from al_core.studies.keys import EvaluationInputs, ModelInputs, SelectionInputs
from al_core.studies.ledger import Requests
from al_core.studies.records import Cell
from al_core.studies.workspace import Workspace
from tests.helpers import study_config

ROOT = Path(__file__).resolve().parents[3]
STRUCTURES = tuple(f"s{number}" for number in range(6))


@dataclass
class FakeSteps:
    """Selects the first candidates; structures and arms that are named fail. Remembers what it was asked."""

    unlabelled: Sequence[str] = ()
    forces: Mapping[str, float] = field(default_factory=dict)
    diverging: Sequence[str] = ()
    asked: list[str] = field(default_factory=list)
    trained: list[ModelInputs] = field(default_factory=list)
    evaluated: list[EvaluationInputs] = field(default_factory=list)
    selections: list[SelectionInputs] = field(default_factory=list)

    def select(self, selections: Sequence[SelectionInputs]) -> list[SelectionOutcome]:
        self.selections += selections
        return [SelectionOutcome(inputs.candidates[: inputs.k]) for inputs in selections]

    def label(self, structures: Sequence[str]) -> dict[str, LabelOutcome]:
        self.asked += structures
        return {
            s: LabelOutcome(f"L-{s}", True, "no convergence" * (s in self.unlabelled), self.forces.get(s, 0.0))
            for s in structures
        }

    def train(self, committees: Sequence[ModelInputs]) -> list[str]:
        self.trained += committees
        return ["the loss is not finite" * (inputs.arm.kind in self.diverging) for inputs in committees]

    def evaluate(self, evaluations: Sequence[EvaluationInputs]) -> list[str]:
        self.evaluated += evaluations
        return [""] * len(evaluations)


@pytest.fixture
def make(tmp_path: Path, source: Any) -> Callable[..., Rounds]:
    """Make the rounds of a small study with some steps."""
    for number, bundle in enumerate(source):
        save_bundle(bundle, tmp_path / "source" / f"member-{number}")
    folders = tuple(sorted((tmp_path / "source").glob("member-*")))

    def rounds(steps: Any, structures: Sequence[str] = STRUCTURES, **changes: Any) -> Rounds:
        config = study_config(**{"committee": 2, "seeds": [0], "comparisons": ["own"], **changes})
        workspace = Workspace(tmp_path / "out")
        workspace.out.mkdir(exist_ok=True)
        keys = {name: f"L-{name}" for name in structures}
        costs = {name: 10.0 * number for number, name in enumerate(structures, 1)}
        slices = {name: ("cold", "hot", "warm")[number % 3] for number, name in enumerate(structures)}
        inputs = StudyInputs(config, workspace, tuple(structures), keys, folders, "reference", costs, slices)
        return Rounds(inputs, steps, Requests(workspace))

    return rounds


def _by_arm(rounds: Rounds, budget: int) -> dict[str, Cell]:
    return {learner.arm.kind: cell for (learner, of), cell in rounds.cells.items() if of == budget}


def test_each_budget_has_as_many_labels_and_is_trained_and_evaluated(make: Callable[..., Rounds]) -> None:
    steps = FakeSteps()
    rounds = make(steps, budgets=[1, 3], arms=["scratch", "transfer"])
    assert list(rounds.run()) == [1, 3]
    assert steps.asked == ["s0", "s1", "s2"]
    assert [len(inputs.labels) for inputs in steps.trained] == [1, 1, 3, 3]
    assert [inputs.model for inputs in steps.evaluated] == steps.trained
    assert {cell.failure for cell in rounds.cells.values()} == {""}


def test_costs_are_told_to_acquisitions_that_ask(make: Callable[..., Rounds]) -> None:
    steps = FakeSteps()
    per_cost = {"kind": "variance_reduction", "name": "per_cost", "per_cost": True}
    acquisitions = ["random", "variance_reduction", per_cost]
    list(make(steps, budgets=[2], arms=["transfer"], acquisitions=acquisitions).run())
    (asking,) = (inputs for inputs in steps.selections if inputs.acquisition.asks_costs)
    assert asking.costs == (10.0, 20.0, 30.0, 40.0, 50.0, 60.0)
    assert {inputs.costs for inputs in steps.selections if inputs is not asking} == {()}
    assert replace(asking, costs=(1.0, *asking.costs[1:])).key != asking.key


def test_structures_are_described_by_what_an_arm_starts_from_if_that_knows_something(
    make: Callable[..., Rounds],
) -> None:
    steps = FakeSteps()
    acquisitions = ["lcmd", {"kind": "farthest_point", "force_guided": True}, "uncertainty"]
    list(make(steps, budgets=[1, 3], arms=["scratch", "transfer"], acquisitions=acquisitions).run())
    first, later = steps.selections[:6], steps.selections[6:]

    def told(inputs: SelectionInputs) -> tuple[str, str, str, int]:
        forces, describing = inputs.committee, inputs.describing
        return (
            inputs.acquisition.kind,
            f"{forces.arm.kind} {len(forces.labels)}" if forces else "",
            f"{describing.arm.kind} {len(describing.labels)}" if describing else "",
            len(inputs.labelled),
        )

    assert {told(inputs) for inputs in first} == {
        ("random", "", "", 0),
        ("lcmd", "", "transfer 0", 0),
        ("farthest_point", "transfer 0", "transfer 0", 0),
        ("uncertainty", "transfer 0", "", 0),
    }
    assert {told(inputs) for inputs in later} == {
        ("lcmd", "", "scratch 1", 1),
        ("farthest_point", "scratch 1", "scratch 1", 1),
        ("uncertainty", "scratch 1", "", 0),
        ("lcmd", "", "transfer 0", 1),
        ("farthest_point", "transfer 1", "transfer 0", 1),
        ("uncertainty", "transfer 1", "", 0),
    }


def test_an_oracle_is_told_which_labels_are_the_truth(make: Callable[..., Rounds]) -> None:
    steps = FakeSteps()
    list(make(steps, budgets=[1, 2], arms=["transfer"], acquisitions=["random", "error_oracle"]).run())
    oracle = [inputs for inputs in steps.selections if inputs.acquisition.kind == "error_oracle"]
    assert [inputs.labels for inputs in oracle] == [
        tuple(f"L-{name}" for name in STRUCTURES),
        tuple(f"L-{name}" for name in STRUCTURES[1:]),
    ]
    assert {inputs.labels for inputs in steps.selections if inputs not in oracle} == {()}


def test_only_structures_of_its_slices_are_candidates_of_an_acquisition(make: Callable[..., Rounds]) -> None:
    steps = FakeSteps()
    acquisitions = [
        "random",
        {"kind": "random", "name": "extremes", "slices": ["hot", "cold"]},
        {"kind": "uncertainty", "name": "unsure", "slices": ["warm"]},
    ]
    list(make(steps, budgets=[1, 2], arms=["scratch"], acquisitions=acquisitions).run())
    first, later = steps.selections[:3], steps.selections[3:]
    assert [inputs.candidates for inputs in first] == [STRUCTURES, ("s0", "s1", "s3", "s4"), ("s2", "s5")]
    assert [inputs.candidates for inputs in later] == [STRUCTURES[1:], ("s1", "s3", "s4"), ("s5",)]
    assert [inputs.acquisition.kind for inputs in first] == ["random", "random", "random"], "nothing is known yet"
    assert [inputs.acquisition.slices for inputs in first] == [(), ("hot", "cold"), ("warm",)]
    assert later[2].acquisition.kind == "uncertainty"


def test_errors_are_to_be_small_on_the_whole_pool_where_labels_come_from_some_slices(
    make: Callable[..., Rounds],
) -> None:
    steps = FakeSteps()
    shifted = {"kind": "variance_reduction", "name": "shifted", "slices": ["hot"]}
    list(make(steps, budgets=[1], arms=["transfer"], acquisitions=["variance_reduction", shifted, "random"]).run())
    assert [(inputs.candidates, inputs.target) for inputs in steps.selections] == [
        (STRUCTURES, ()),
        (("s1", "s4"), STRUCTURES),
        (STRUCTURES, ()),
    ]


def test_each_seed_has_a_share_of_the_pool_for_all_acquisitions(make: Callable[..., Rounds]) -> None:
    steps, structures = FakeSteps(), [f"s{number}" for number in range(10)]
    rounds = make(
        steps,
        structures,
        budgets=[1],
        seeds=[0, 1, 2],
        arms=["transfer"],
        acquisitions=["random", "uncertainty"],
        pool_share=0.5,
    )
    list(rounds.run())
    pools = [rounds.inputs.pool_of(seed) for seed in (0, 1, 2)]
    assert [len(pool) for pool in pools] == [5, 5, 5]
    assert len(set(pools)) == 3
    assert all(pool == tuple(name for name in structures if name in pool) for pool in pools), "in the pool's order"
    assert sorted((inputs.seed, inputs.candidates) for inputs in steps.selections) == [
        (seed, pool) for seed, pool in enumerate(pools) for _ in range(2)
    ]


def test_slices_that_are_used_up_are_an_error_that_names_them(make: Callable[..., Rounds]) -> None:
    acquisitions = [{"kind": "random", "slices": ["cold"]}]
    rounds = make(FakeSteps(unlabelled=["s0"]), budgets=[2], acquisitions=acquisitions)
    with pytest.raises(SelectionError, match=r"random from cold, seed 0: 1 more .* for 2 labels and 0 of the pool"):
        list(rounds.run())


def test_labels_that_fail_are_replaced(make: Callable[..., Rounds]) -> None:
    steps = FakeSteps(unlabelled=["s0", "s2"])
    rounds = make(steps, budgets=[2])
    list(rounds.run())
    assert steps.trained[0].labels == ("L-s1", "L-s3")
    assert rounds.failed == {"s0": "no convergence", "s2": "no convergence"}
    assert len(set(steps.asked)) == len(steps.asked), "a label that failed is not asked for again"


def test_labels_that_training_refuses_are_replaced(make: Callable[..., Rounds]) -> None:
    steps = FakeSteps(forces={"s0": 60.0, "s1": 40.0})
    rounds = make(steps, budgets=[2])
    list(rounds.run())
    assert steps.trained[0].labels == ("L-s1", "L-s2")
    assert rounds.failed == {"s0": "its label has a force of 60 eV/Å, more than training.largest_force=50"}


def test_too_many_failed_labels_stop_the_study(make: Callable[..., Rounds]) -> None:
    rounds = make(FakeSteps(unlabelled=STRUCTURES[:4]), budgets=[4], max_failed_share=0.5)
    with pytest.raises(
        LabelError, match=r"4 of 4 .* more than max_failed_share=0\.5; the last: no convergence; `graft"
    ):
        list(rounds.run())


def test_two_failed_labels_of_two_are_bad_luck(make: Callable[..., Rounds]) -> None:
    rounds = make(FakeSteps(unlabelled=STRUCTURES[:2]), budgets=[2], max_failed_share=0.5)
    assert list(rounds.run()) == [2]


def test_a_pool_that_is_used_up_is_an_error(make: Callable[..., Rounds]) -> None:
    rounds = make(FakeSteps(unlabelled=["s0"]), budgets=[2], structures=STRUCTURES[:2])
    with pytest.raises(SelectionError, match=r"1 more .* are needed for 2 labels and 0 of the pool are left"):
        list(rounds.run())


def test_a_label_set_whose_slices_are_used_up_ends_and_the_others_grow_on(make: Callable[..., Rounds]) -> None:
    acquisitions = ["random", {"kind": "random", "name": "few", "slices": ["cold"]}]
    steps = FakeSteps(unlabelled=["s0"])
    rounds = make(steps, budgets=[1, 2, 3], acquisitions=acquisitions, arms=["transfer"], max_failed_share=1.0)
    assert list(rounds.run()) == [1, 2, 3]
    found = {(one.label_set.acquisition.slices, budget): cell.failure for (one, budget), cell in rounds.cells.items()}
    assert [found[(), budget] for budget in (1, 2, 3)] == ["", "", ""]
    assert "seed 0: 1 more structures are needed for 2 labels and 0 of the pool are left" in found[("cold",), 2]
    assert found[("cold",), 3] == found[("cold",), 2]


def test_an_empty_pool_is_an_error(make: Callable[..., Rounds]) -> None:
    with pytest.raises(SelectionError, match="0 of the pool are left"):
        list(make(FakeSteps(), structures=()).run())


def test_a_cell_that_diverged_is_a_result_and_the_study_goes_on(make: Callable[..., Rounds]) -> None:
    steps = FakeSteps(diverging=["transfer"])
    rounds = make(steps, budgets=[1, 2], arms=["scratch", "transfer", "rescaled"])
    assert list(rounds.run()) == [1, 2]
    for budget in (1, 2):
        cells = _by_arm(rounds, budget)
        assert (cells["transfer"].failure, cells["transfer"].evaluations) == ("the loss is not finite", {})
        assert cells["scratch"].failure == cells["rescaled"].failure == ""
    assert "transfer" not in {inputs.model.arm.kind for inputs in steps.evaluated}


def test_too_many_failed_cells_stop_the_study(make: Callable[..., Rounds]) -> None:
    rounds = make(FakeSteps(diverging=["scratch", "transfer"]), budgets=[1, 2, 3], arms=["scratch", "transfer"])
    done = []
    with pytest.raises(
        TrainingError, match=r"4 of 4 cells failed, more than max_failed_share=0\.3; the first: the loss"
    ):
        done.extend(rounds.run())
    assert done == [1, 2][: len(done)]


def test_what_a_failed_committee_would_select_is_not_asked_for(make: Callable[..., Rounds]) -> None:
    """Its label set ends: the larger budgets have failed cells with the cause, and other label sets grow on."""
    steps = FakeSteps(diverging=["rescaled"])
    arms, acquisitions = ["scratch", "rescaled"], ["random", "uncertainty"]
    rounds = make(steps, budgets=[1, 2], arms=arms, acquisitions=acquisitions, max_failed_share=1.0)
    assert list(rounds.run()) == [1, 2]
    ended = [learner for (learner, budget), cell in rounds.cells.items() if budget == 2 and not cell.model]
    assert {learner.label_set.chooser.kind for learner in ended if learner.label_set.chooser} == {"rescaled"}
    cell = rounds.cells[ended[0], 2]
    assert "the committee that selects failed with 1 labels: the loss is not finite" in cell.failure


# ---- with the steps that compute ------------------------------------------------------------------------------------


class Counting:
    """A labeler that counts what it computes, and is interrupted before a label."""

    def __init__(self, labeler: Any, interrupted_before: int | None = None) -> None:
        self._labeler, self._stop = labeler, interrupted_before
        self.computed: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._labeler, name)

    def label(self, atoms: Atoms, directory: Path, rung: int = 0) -> Any:
        if len(self.computed) == self._stop:
            raise KeyboardInterrupt
        self.computed.append(structure_id(atoms))
        return self._labeler.label(atoms, directory, rung)


@pytest.fixture
def real(tmp_path: Path, source: Any, crystals: Any, sw_label: Any) -> Callable[[Any], Rounds]:
    """The rounds of a study of six crystals, computed in this process."""
    workspace = Workspace(tmp_path / "out")
    for number, bundle in enumerate(source):
        save_bundle(bundle, tmp_path / "source" / f"member-{number}")
    folders = tuple(sorted((tmp_path / "source").glob("member-*")))
    pool, test = crystals("Ge", 6, seed=2), crystals("Ge", 2, seed=3)
    for atoms in (*pool, *test):
        atoms.positions, atoms.cell = atoms.positions.round(6), atoms.cell.array.round(6)
    write_structures(workspace.pool, pool)
    write_labelled(workspace.test, [(atoms, sw_label(atoms)) for atoms in test])
    config = study_config(
        committee=2, seeds=[0], arms=["transfer"], acquisitions=["uncertainty"], training={"steps": 3}, budgets=[1, 3]
    )
    names = tuple(structure_id(atoms) for atoms in pool)

    def rounds(labeler: Any) -> Rounds:
        keys = {name: label_key(name, labeler.identity()) for name in names}
        inputs = StudyInputs(config, workspace, names, keys, folders, hash_of_test_set(workspace))
        return Rounds(inputs, LocalSteps(workspace, labeler), Requests(workspace))

    return rounds


@pytest.mark.train
def test_an_interrupted_round_goes_on_where_it_stood(real: Callable[[Any], Rounds], tmp_path: Path) -> None:
    from al_core.config.labelers import StillingerWeberLabeler
    from calculators.base import make_labeler

    labeler = make_labeler(StillingerWeberLabeler())
    first = Counting(labeler, interrupted_before=2)
    with pytest.raises(KeyboardInterrupt):
        list(real(first).run())
    models = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "models").rglob("*.safetensors")}
    assert len(models) == 2, "the committee of the first budget"
    second, third = Counting(labeler), Counting(labeler)
    rounds = real(second)
    assert list(rounds.run()) == [1, 3]
    assert len(first.computed) == 2
    assert len(second.computed) == 1, "the one label that was missing"
    assert {path: path.stat().st_mtime_ns for path in models} == models
    errors = {learner: cell for (learner, budget), cell in rounds.cells.items() if budget == 3}
    (learner, cell), *_ = errors.items()
    assert isinstance(learner, Learner)
    assert rounds.inputs.workspace.evaluation(cell.evaluations["errors"]).exists()
    every = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "models").rglob("*")}
    list(real(third).run())
    assert third.computed == []
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "models").rglob("*")} == every
    entries = LabelStore(rounds.inputs.workspace.store).entries()
    assert {entry.state for entry in entries} == {"done"}
    assert np.isfinite([entry.core_seconds for entry in entries]).all()


def test_the_loop_needs_no_prefect() -> None:
    program = "import sys, al_core.learning.rounds, al_core.learning.local; print('prefect' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
