"""What a study learns from: its config, its pool, its source; and the inputs of single steps made from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from al_core.config.acquisition import AnyAcquisition
from al_core.config.evaluation import AnyEvaluation
from al_core.config.sources import GivenSource
from al_core.config.study import StudyConfig
from al_core.models.committee import content_hash, seed_members
from al_core.storage.hashing import digest
from al_core.studies.data import drawn_of_pool
from al_core.studies.grid import Learner
from al_core.studies.keys import EvaluationInputs, ModelInputs
from al_core.studies.workspace import Workspace


@dataclass(frozen=True)
class StudyInputs:
    """What a study is made from.

    Attributes:
        config: what is studied.
        workspace: the study's folder.
        pool: ids of the candidates, in the pool's order.
        label_keys: the label key of every candidate.
        source: all bundles of the source; every seed takes as many of them as the study's committees have members.
        test_hash: content of the labelled test set.
        costs: expected core-seconds of every candidate's label, where an acquisition asks.
        slices: the slice of every candidate, where an acquisition selects from some.
        arm_sources: all bundles of the sources that arms have of their own.
    """

    config: StudyConfig
    workspace: Workspace
    pool: tuple[str, ...]
    label_keys: Mapping[str, str]
    source: tuple[Path, ...]
    test_hash: str
    costs: Mapping[str, float] = field(default_factory=dict)
    slices: Mapping[str, str] = field(default_factory=dict)
    arm_sources: Mapping[GivenSource, tuple[Path, ...]] = field(default_factory=dict)
    _members: dict[tuple[GivenSource | None, int], tuple[Path, ...]] = field(init=False)
    _hashes: dict[tuple[GivenSource | None, int], str] = field(init=False)

    def __post_init__(self) -> None:
        sources: list[tuple[GivenSource | None, tuple[Path, ...]]] = [(None, self.source), *self.arm_sources.items()]
        members = {
            (which, seed): seed_members(folders, self.config.committee, seed)
            for which, folders in sources
            for seed in self.config.seeds
        }
        object.__setattr__(self, "_members", members)
        object.__setattr__(self, "_hashes", {one: content_hash(some) for one, some in members.items()})

    @property
    def pool_hash(self) -> str:
        """Content of the pool."""
        return digest(list(self.pool))

    def pool_of(self, seed: int) -> tuple[str, ...]:
        """Return the share of the pool that a seed has, in the pool's order."""
        return tuple(self.pool[number] for number in drawn_of_pool(len(self.pool), self.config.pool_share, seed))

    def candidates(self, acquisition: AnyAcquisition, seed: int) -> tuple[str, ...]:
        """Return what an acquisition may select from: ids of the seed's pool, in its order."""
        pool = self.pool_of(seed)
        if not acquisition.slices:
            return pool
        return tuple(name for name in pool if self.slices[name] in acquisition.slices)

    def model(self, learner: Learner, labels: tuple[str, ...]) -> ModelInputs:
        """Return the inputs of a committee of a learner, trained on these labels."""
        seed = learner.label_set.seed
        source = learner.arm.own_source, seed
        return ModelInputs(
            out=self.workspace.out,
            arm=learner.arm,
            target=self.config.target,
            seed=seed,
            labels=labels,
            source=self._members[source],
            source_hash=self._hashes[source],
            pool_hash=self.pool_hash,
            training=self.config.training,
            device=self.config.device,
        )

    def evaluation(self, model: ModelInputs, evaluation: AnyEvaluation) -> EvaluationInputs:
        """Return the inputs of an evaluation of a committee, on the study's test set or the target's crystal."""
        subject = self.test_hash if evaluation.kind == "errors" else self.config.crystal or ""
        return EvaluationInputs(model, evaluation, subject)
