"""The rounds of a study: at every budget choose, label, train and evaluate, for all chains and arms together.

Phases follow each other, so that labels are computed in the largest batches and never beside training.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from al_core.config.acquisition import AnyAcquisition, RandomAcquisition
from al_core.config.study import StudyConfig
from al_core.errors import LabelError
from al_core.models.card import content_hash, seed_members
from al_core.storage.hashing import digest, label_key
from al_core.studies.data import StudyData
from al_core.studies.grid import BASELINE, Chain, Place, chains, pairs, places
from al_core.studies.keys import CellInputs, ChoiceInputs
from al_core.studies.workspace import Workspace
from calculators.base import make_labeler
from flows import tasks
from flows.runtime.progress import Steps

MODELS = "committees trained"
_FAILURES_BEFORE_STOPPING = 3  # one bad structure of few is bad luck


@dataclass
class Rounds:
    """A study under way.

    Attributes:
        config, place, data: what is studied, where, on which structures.
        source: all bundles of the source; every seed takes as many of them as the study's committees have members.
        test_hash: content of the test set.
        steps: told of progress.
        labels: for each chain, its label keys in the order they were chosen.
        failed: structures that could not be labelled.
        cells: the finished cells: (place, budget) to key.
        baselines: the cells of the baseline on the same labels, likewise.
    """

    config: StudyConfig
    place: Workspace
    data: StudyData
    source: tuple[Path, ...]
    test_hash: str
    steps: Steps
    labels: dict[Chain, list[str]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    cells: dict[tuple[Place, int], str] = field(default_factory=dict)
    baselines: dict[tuple[Place, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        identity = make_labeler(self.config.labeler).identity()
        self._key_of = {name: label_key(name, identity) for name in self.data.pool}
        self._pool_hash = digest(self.data.pool)
        self.labels = {chain: [] for chain in chains(self.config)}

    def run(self) -> Iterator[int]:
        """Do one budget after the other; yield each when all of its cells are finished."""
        budgets = self.config.budgets
        self.steps.expect(MODELS, len(pairs(self.config)) * len(budgets))
        for before, budget in zip((0, *budgets), budgets, strict=False):
            self._grow(before, budget)
            self._train(budget)
            yield budget

    def _grow(self, before: int, budget: int) -> None:
        """Let every chain choose and label until it has as many labels as the budget; failures are replaced."""
        while wanting := [chain for chain, keys in self.labels.items() if len(keys) < budget]:
            choices = [(chain, tasks.choose.submit(self._choice(chain, before, budget))) for chain in wanting]
            chosen = {chain: future.result() for chain, future in choices}
            asked = list(dict.fromkeys(name for names in chosen.values() for name in names))
            labelled = tasks.label_all(asked, self.config.labeler, self.place, (self.place.pool,), self.steps)
            self.failed.update(name for name in asked if not labelled[name])
            for chain, names in chosen.items():
                self.labels[chain] += [labelled[name] for name in names if labelled[name]]
            self._stop_if_too_many_fail()

    def _choice(self, chain: Chain, before: int, budget: int) -> ChoiceInputs:
        have = set(self.labels[chain])
        candidates = tuple(n for n in self.data.pool if self._key_of[n] not in have and n not in self.failed)
        acquisition: AnyAcquisition = next(one for one in self.config.acquisitions if one.kind == chain.acquisition)
        asked = None
        if acquisition.asks_models:
            asked = self._cell(chain.arm, chain, before)
            if before == 0 and not asked.arm.uses_source:
                acquisition, asked = RandomAcquisition(), None  # untrained random weights know nothing to choose by
        return ChoiceInputs(
            self.place.out, acquisition, chain.seed, candidates, budget - len(self.labels[chain]), asked
        )

    def _cell(self, arm: str, chain: Chain, budget: int) -> CellInputs:
        settings = next(candidate for candidate in self.config.arms if candidate.kind == arm)
        source = seed_members(self.source, self.config.committee, chain.seed)
        return CellInputs(
            out=self.place.out,
            arm=settings,
            element=self.config.target,
            seed=chain.seed,
            labels=tuple(self.labels[chain][:budget]),
            source=source,
            source_hash=content_hash(source),
            test_hash=self.test_hash,
            pool_hash=self._pool_hash,
            training=self.config.training,
            device=self.config.device,
        )

    def _train(self, budget: int) -> None:
        futures = {
            (arm, chain): tasks.train_cell.submit(self._cell(arm, chain, budget), budget, _title(chain))
            for arm, chain in pairs(self.config)
        }
        keys = {}
        for pair, future in futures.items():
            keys[pair] = future.result()
            self.steps.done(MODELS)
        for where in places(self.config):
            self.cells[where, budget] = keys[where.arm, where.chain]
            if (BASELINE, where.chain) in keys:
                self.baselines[where, budget] = keys[BASELINE, where.chain]

    def _stop_if_too_many_fail(self) -> None:
        used = {key for keys in self.labels.values() for key in keys}
        share = len(self.failed) / max(1, len(self.failed) + len(used))
        if len(self.failed) >= _FAILURES_BEFORE_STOPPING and share > self.config.max_failed_share:
            raise LabelError(
                f"{len(self.failed)} of {len(self.failed) + len(used)} labels failed, more than "
                f"max_failed_share={self.config.max_failed_share:g}; the causes are in `graft study status "
                f"{self.place.out}` and the outputs in {self.place.label_files}"
            )


def _title(chain: Chain) -> str:
    chooser = f" chosen by {chain.arm}" if chain.arm else ""
    return f"{chain.acquisition} labels{chooser}, seed {chain.seed}"
