"""The grid of a study: which label sets grow, and which arm learns from which of them.

A *label set* grows from budget to budget. An acquisition that asks no model grows one a seed for all arms; one that
asks models grows one for each arm that chooses. In the *own* comparison each arm learns from the labels that it chose;
in the *shared* one all arms learn from those that one arm, the leader, chose.

Arms and acquisitions are compared here by their settings and not by their names. So what is the same under two names,
or counts in both comparisons, is done once.

Where there is a baseline it learns from every label set, so that each arm has a baseline on the same labels.
"""

from dataclasses import dataclass

from al_core.config.acquisition import AnyAcquisition
from al_core.config.arms import AnyArm
from al_core.config.study import StudyConfig


@dataclass(frozen=True)
class LabelSet:
    """A growing set of labels.

    Attributes:
        acquisition: what chooses, without a name.
        seed: of the selections.
        chooser: the arm whose committees choose, without a name; None where no model is asked.
    """

    acquisition: AnyAcquisition
    seed: int
    chooser: AnyArm | None

    def __str__(self) -> str:
        slices = f" from {', '.join(self.acquisition.slices)}" if self.acquisition.slices else ""
        chooser = f" of {self.chooser.kind}" if self.chooser else ""
        return f"{self.acquisition.kind}{slices}{chooser}, seed {self.seed}"


@dataclass(frozen=True)
class Learner:
    """An arm (without a name) that learns from a label set: one committee is trained at each budget."""

    arm: AnyArm
    label_set: LabelSet


@dataclass(frozen=True)
class Series:
    """The cells of one arm, acquisition and seed in one comparison, one at each budget.

    Attributes:
        comparison: ``shared`` or ``own``.
        arm, acquisition: their names.
        learner: whose committees these are.
        chooser: name of the arm that chose the labels; '' where no model is asked.
    """

    comparison: str
    arm: str
    acquisition: str
    learner: Learner
    chooser: str = ""

    @property
    def seed(self) -> int:
        """The seed of labels, initial weights and batches."""
        return self.learner.label_set.seed


def all_series(config: StudyConfig) -> list[Series]:
    """Return every series of a study, in the order of the config."""
    arms = {arm.title: arm for arm in config.arms}
    found = []
    for comparison in config.comparisons:
        for acquisition in config.acquisitions:
            for seed in config.seeds:
                for arm in config.arms:
                    owner = arm.title if comparison == "own" else config.leader
                    chooser = owner if acquisition.asks_models else ""
                    label_set = LabelSet(acquisition.unnamed(), seed, arms[chooser].unnamed() if chooser else None)
                    learner = Learner(arm.unnamed(), label_set)
                    found.append(Series(comparison, arm.title, acquisition.title, learner, chooser))
    return found


def label_sets(config: StudyConfig) -> list[LabelSet]:
    """Return every label set once."""
    return list(dict.fromkeys(series.learner.label_set for series in all_series(config)))


def learners(config: StudyConfig) -> list[Learner]:
    """Return every learner once; the baseline, if there is one, learns from every label set."""
    found = [series.learner for series in all_series(config)]
    baselines = [baseline_of(config, learner.label_set) for learner in found]
    return list(dict.fromkeys([*found, *(learner for learner in baselines if learner)]))


def baseline_of(config: StudyConfig, label_set: LabelSet) -> Learner | None:
    """Return the learner that others on the same labels are compared with; None where the study has no baseline."""
    return Learner(config.baseline.unnamed(), label_set) if config.baseline else None
