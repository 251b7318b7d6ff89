"""What goes into the steps of a study, and the keys their results are found by. Nothing heavy is imported.

A key is a hash of everything that shapes a result and of nothing else:

- a *model key* of what shapes the weights, with nothing of the test set in it;
- an *evaluation key* of the model, the evaluation's settings and the test set or crystal that is looked at;
- the *key of a reference* of the labeler, the crystal and the evaluation's settings;
- a *selection key* of the acquisition, the candidates and the committee that is asked;
- the keys of a *calibration* and of an *exploration* of the committee, and of what else shapes them.

Another test set or another kind of evaluation therefore trains nothing. Names of methods are in no key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from al_core.config.acquisition import AnyAcquisition
from al_core.config.arms import AnyArm
from al_core.config.evaluation import AnyEvaluation, AnyProperties
from al_core.config.growth import Exploration, Purpose
from al_core.config.structures import CrystalCell
from al_core.config.target import Target, described_target
from al_core.config.training import Training
from al_core.storage.hashing import digest
from al_core.uncertainty.calibration import Calibration

# raised whenever the same inputs would give another result
_MODELS, _EVALUATIONS, _CALIBRATIONS, _EXPLORATIONS = 19, 3, 4, 4
FOLDS = 4  # of a calibration's cross-validation, at most


@dataclass(frozen=True)
class ModelInputs:
    """Everything that shapes the weights of a committee, and where its files are.

    Attributes:
        out: the study's folder.
        arm: which arm, with its settings.
        target: its element, or the elements of a compound.
        seed: of initial weights and batches.
        labels: label keys, none for the committee an arm starts with; their order does not count.
        source: folders of the source bundles, one a member.
        source_hash, pool_hash: content of the source and of the pool.
        training: how long and how.
        device: where to compute; not part of the key.
    """

    out: Path
    arm: AnyArm
    target: Target
    seed: int
    labels: tuple[str, ...]
    source: tuple[Path, ...]
    source_hash: str
    pool_hash: str
    training: Training
    device: str

    @property
    def key(self) -> str:
        """The model key."""
        return digest({"schema": _MODELS, **self.content()})

    @property
    def reads_pool(self) -> bool:
        """Whether unlabelled structures of the pool shape the models."""
        return self.arm.start_reads_pool or self.arm.tuning.reads_pool

    def content(self) -> dict[str, Any]:
        """Return what the weights depend on, JSON-ready."""
        return {
            "arm": self.arm.settings(),
            "element": described_target(self.target),
            "seed": self.seed,
            "labels": sorted(self.labels),
            "source": self.source_hash,
            "pool": self.pool_hash if self.reads_pool else "",
            "training": self.training.model_dump(mode="json"),
        }


@dataclass(frozen=True)
class EvaluationInputs:
    """Everything that shapes one evaluation of a committee.

    Attributes:
        model: the committee.
        evaluation: the kind of evaluation, with its settings.
        subject: what is looked at: content of the labelled test set for errors, else the crystal's name, '' for the
            element's own.
    """

    model: ModelInputs
    evaluation: AnyEvaluation
    subject: str

    @property
    def key(self) -> str:
        """The evaluation key."""
        return digest(
            {
                "schema": _EVALUATIONS,
                "model": self.model.key,
                "evaluation": self.evaluation.model_dump(mode="json"),
                "reference": self.subject,
            }
        )


@dataclass(frozen=True)
class ReferenceInputs:
    """Everything that shapes the reference of one evaluation.

    Attributes:
        out: the study's folder.
        labeler: identity of what computes the labels.
        material: formula of the target.
        crystal: its name, '' for the element's own.
        evaluation: the kind, with its settings.
    """

    out: Path
    labeler: Mapping[str, Any]
    material: str
    crystal: str
    evaluation: AnyProperties

    @property
    def key(self) -> str:
        """The key of the reference."""
        settings = self.evaluation.model_dump(mode="json")
        return digest([_EVALUATIONS, dict(self.labeler), self.material, self.crystal, settings])


@dataclass(frozen=True)
class SelectionInputs:
    """Everything that a selection depends on.

    Attributes:
        out: the study's folder.
        acquisition: what selects, with its settings.
        seed: the label set's seed.
        candidates: ids of the structures to select from, in the pool's order.
        k: how many.
        committee: the committee whose forces are asked, without labels for the one an arm starts with; None where they
            are not.
        describing: the committee whose first member describes structures, where features are asked. Of arms that start
            from the source it is the one they start with without labels: around it these models are taken as linear,
            and one description serves all budgets. Of others it is the trained one.
        labelled: keys of the structures that have a label, where features are asked.
        costs: expected core-seconds of the candidates' labels, if the acquisition asks.
        target: ids of structures of the distribution that errors are to be small on; the candidates if there are none.
        labels: keys of the candidates' labels, if the acquisition asks their true errors: the labels themselves are in
            the workspace, see :mod:`al_core.studies.pool_labels`.
        file: where candidates and target are; the study's pool if not given. Not part of the key.
    """

    out: Path
    acquisition: AnyAcquisition
    seed: int
    candidates: tuple[str, ...]
    k: int
    committee: ModelInputs | None = None
    describing: ModelInputs | None = None
    labelled: tuple[str, ...] = ()
    costs: tuple[float, ...] = ()
    target: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    file: Path | None = None

    @property
    def key(self) -> str:
        """The selection key."""
        asked = self.committee.key if self.committee else ""
        content = [self.acquisition.settings(), self.seed, list(self.candidates), self.k, asked]
        parts = [list(part) for part in (self.costs, self.target, self.labels) if part]
        described = [[self.describing.key, sorted(self.labelled)]] if self.describing else []
        return digest([*content, *parts, *described])


@dataclass(frozen=True)
class CalibrationInputs:
    """Everything that shapes what a committee's disagreement stands for.

    Attributes:
        model: the committee.
        drawn: keys of those of its labels that were drawn at random, in the order they were drawn.
    """

    model: ModelInputs
    drawn: tuple[str, ...]

    @property
    def folds(self) -> tuple[tuple[ModelInputs, tuple[str, ...]], ...]:
        """Committees that lack some of the drawn labels, each with the labels that it lacks: up to four of them.

        They are trained the way that the whole is: models of another descent disagree by other amounts.
        """
        count = min(FOLDS, len(self.drawn))
        parts = [self.drawn[first::count] for first in range(count)]
        labels, arm = self.model.labels, self.model.arm
        alike = replace(self.model, arm=arm.model_copy(update={"tuning": arm.tuning.as_of(len(labels))}))
        return tuple((replace(alike, labels=tuple(k for k in labels if k not in part)), part) for part in parts)

    @property
    def key(self) -> str:
        """The key of the calibration."""
        return digest(["calibration", _CALIBRATIONS, self.model.key, list(self.drawn)])


@dataclass(frozen=True)
class ExplorationInputs:
    """Everything that shapes what some walkers of a round come by.

    Attributes:
        model: the committee that drives them.
        purpose, exploration: what is simulated, and how; the dynamics at the end are not part of the key.
        calibration: what the committee's disagreement stands for.
        seed: of starts and dynamics.
        round: its number.
        walkers: which walkers of the round.
        given: content of the structures that walkers start from, which are the pool; '' where starts are made.
        crystal: what starts are made of; None for the element's own crystal, and where they are given.
    """

    model: ModelInputs
    purpose: Purpose
    exploration: Exploration
    calibration: Calibration
    seed: int
    round: int
    walkers: tuple[int, ...]
    given: str = ""
    crystal: CrystalCell | None = None

    @property
    def key(self) -> str:
        """The key of the exploration."""
        purpose = self.purpose.model_dump(mode="json", exclude={"picoseconds", "timestep_fs", "supercell"})
        settings = [purpose, self.exploration.model_dump(mode="json", exclude={"candidates"})]
        which: list[Any] = [self.seed, self.round, list(self.walkers), self.given]
        if self.crystal is not None:
            which.append(self.crystal.model_dump(mode="json"))
        return digest(["exploration", _EXPLORATIONS, self.model.key, *settings, self.calibration.as_dict(), *which])
