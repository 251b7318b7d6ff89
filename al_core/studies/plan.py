"""What a study, or a growth, will take, estimated before it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from al_core.config.arms import AnyArm
from al_core.config.evaluation import AnyEvaluation
from al_core.config.growth import GrowthConfig
from al_core.config.sources import PretrainConfig
from al_core.config.structures import SampledStructures
from al_core.config.study import StudyConfig
from al_core.config.training import Architecture, Training
from al_core.studies.grid import all_series, label_sets, learners
from al_core.studies.keys import FOLDS

# one training step of one member of the default architecture on one core, measured on 4 structures of 8 and 64 atoms
_STEP_S, _STEP_S_PER_ATOM = 0.006, 0.00035
# what max L 1 takes of max L 0, measured on 2 structures of 64 atoms; twice the channels took 1.9 to 2.0
_VECTORS_COST = 2.2
_MD_S_PER_ATOM = 0.0002  # a step of dynamics of one member of two, measured on 216 atoms
# properties of one member of the default architecture, measured on diamond: defects and phonons in 64 atoms, slabs of
# 16 Å, dynamics of 64 atoms
_PHASE_S, _ELASTIC_S, _PHONONS_S, _DEFECT_S, _SURFACES_S, _SMALL_MD_S_PER_ATOM = 0.1, 0.23, 0.32, 1.0, 0.64, 0.00014
_EQUILIBRATION_PS = 1.5  # before structure is measured, one or two


@dataclass(frozen=True)
class Plan:
    """Counts and estimated cost of a study.

    Attributes:
        cells: of the grid, both comparisons.
        committees: committees to train; a cell that counts in both comparisons is trained once.
        committees_with_properties: how many of them are evaluated for more than errors.
        labels_least, labels_most: how many labels will be asked for, depending on how far the label sets overlap.
        test_labels: labels of the test set, where it has none yet.
        label_core_hours: for ``labels_most`` and the test labels.
        training_core_hours: for all committees.
        properties_core_hours: for what is evaluated of them beside errors.
    """

    cells: int
    committees: int
    committees_with_properties: int
    labels_least: int
    labels_most: int
    test_labels: int
    label_core_hours: float
    training_core_hours: float
    properties_core_hours: float


def plan(config: StudyConfig, architecture: Architecture, pool_sizes: Sequence[int], label_core_seconds: float) -> Plan:
    """Return the plan of a study.

    Args:
        config: the study.
        architecture: of its models.
        pool_sizes: number of atoms of each candidate.
        label_core_seconds: expected cost of one label.
    """
    largest = config.budgets[-1]
    test, candidates = 0, len(pool_sizes)
    if isinstance(config.test, SampledStructures):
        test = sum(part.count for part in config.test.slices)
    elif config.test.kind == "holdout":
        test, candidates = config.test.size, candidates - config.test.size
    most = min(candidates, largest * len(label_sets(config)))
    atoms = sum(pool_sizes) / len(pool_sizes)
    trained = learners(config)
    with_properties = [budget for budget in config.budgets if len(config.evaluations_at(budget)) > 1]
    training = sum(
        _core_seconds(learner.arm, config.training, atoms, budget) for learner in trained for budget in config.budgets
    )
    properties = sum(
        _property_core_seconds(one, config.committee)
        for budget in config.budgets
        for one in config.evaluations_at(budget)
    )
    return Plan(
        cells=len(all_series(config)) * len(config.budgets),
        committees=len(trained) * len(config.budgets),
        committees_with_properties=len(trained) * len(with_properties),
        labels_least=largest,
        labels_most=most,
        test_labels=test,
        label_core_hours=(most + test) * label_core_seconds / 3600,
        training_core_hours=config.committee * training * _dearness(architecture) / 3600,
        properties_core_hours=len(trained) * properties * _dearness(architecture) / 3600,
    )


@dataclass(frozen=True)
class SourcePlan:
    """Counts and estimated cost of a source that is pretrained first.

    Attributes:
        labels: of its sampled structures; 0 where they come with labels.
        label_core_hours: for these.
        training_core_hours: for all of its models.
    """

    labels: int
    label_core_hours: float
    training_core_hours: float

    def __str__(self) -> str:
        labels = f"labels {self.labels}, {self.label_core_hours:.2f} core-hours; " if self.labels else ""
        return f"{labels}training {self.training_core_hours:.2f} core-hours (estimate)"


def source_plan(config: PretrainConfig, sizes: Sequence[int], label_core_seconds: float) -> SourcePlan:
    """Return the plan of a pretraining.

    Args:
        config: the pretraining.
        sizes: number of atoms of each structure.
        label_core_seconds: expected cost of one label; 0 where structures come with labels.
    """
    steps, seen = config.training.steps, config.training.batch_size * sum(sizes) / len(sizes)
    return SourcePlan(
        labels=len(sizes) if config.labeler else 0,
        label_core_hours=len(sizes) * label_core_seconds / 3600,
        training_core_hours=config.committee * steps * _step_core_seconds(seen) * _dearness(config.model) / 3600,
    )


@dataclass(frozen=True)
class GrowthPlan:
    """Counts and estimated cost of a growth that spends all of its labels.

    Attributes:
        rounds: with a committee each; the first has no label.
        label_core_hours: of all labels.
        training_core_hours: of all committees, those of the cross-validation among them.
        walking_core_hours: of all walkers of all rounds.
        simulated_atoms: of the dynamics at the end.
        simulation_core_hours: of these.
    """

    rounds: int
    label_core_hours: float
    training_core_hours: float
    walking_core_hours: float
    simulated_atoms: int
    simulation_core_hours: float


def growth_plan(
    config: GrowthConfig, architecture: Architecture, sizes: Sequence[int], simulated: int, label_core_seconds: float
) -> GrowthPlan:
    """Return the plan of a growth.

    Args:
        config: the growth.
        architecture: of its models.
        sizes: number of atoms of each walker.
        simulated: number of atoms of the dynamics at the end.
        label_core_seconds: expected cost of one label.
    """
    batches, dear = ceil(config.labels / config.batch), config.committee * _dearness(architecture) / 3600
    labels = [min(config.labels, number * config.batch) for number in range(1, batches + 1)]
    drawn = [min(config.batch + number * config.drawn, has) for number, has in enumerate(labels)]  # the first in whole
    atoms = sum(sizes) / len(sizes)
    committees = sum(
        (1 + min(FOLDS, own)) * _core_seconds(config.arm, config.training, atoms, has)
        for has, own in zip(labels, drawn, strict=True)
    )
    walk, purpose = config.exploration, config.purpose
    steps = (batches + 1) * 1e3 * walk.picoseconds / walk.timestep_fs
    end = len(purpose.temperatures_K) * 1e3 * purpose.picoseconds / purpose.timestep_fs
    return GrowthPlan(
        rounds=batches + 1,
        label_core_hours=config.labels * label_core_seconds / 3600,
        training_core_hours=committees * dear,
        walking_core_hours=steps * sum(sizes) * _MD_S_PER_ATOM * dear,
        simulated_atoms=simulated,
        simulation_core_hours=end * simulated * _MD_S_PER_ATOM * dear / config.committee,
    )


def _dearness(architecture: Architecture) -> float:
    """Return what a step takes, in units of the default architecture's."""
    return architecture.channels / Architecture().channels * (_VECTORS_COST if architecture.max_L else 1.0)


def _core_seconds(arm: AnyArm, training: Training, atoms: float, labels: int) -> float:
    """Return what training one member will take."""
    own = arm.training(training)
    return arm.tuning.cost(own.steps, own.batch_size, labels, lambda seen: _step_core_seconds(atoms * seen))


def _step_core_seconds(atoms: float) -> float:
    """Return what one training step of a member of the default architecture takes, on structures of so many atoms."""
    return _STEP_S + _STEP_S_PER_ATOM * atoms


def _property_core_seconds(wanted: AnyEvaluation, members: int) -> float:
    """Return what a property of a committee will take; of a crystal with eight atoms in its cubic cell."""
    match wanted.kind:
        case "errors":
            return 0.0
        case "lattice":
            return members * _PHASE_S * (2 + len(wanted.phases))  # the crystal's own has twice the volumes
        case "elastic":
            return members * _ELASTIC_S
        case "surfaces":
            return members * _SURFACES_S * wanted.thickness_A / 16
    cells = wanted.supercell**3
    match wanted.kind:
        case "phonons":
            return members * _PHONONS_S * cells / 8
        case "defects":
            return members * _DEFECT_S * len(wanted.which) * cells / 8
        case "stability":
            own = 1 if wanted.first_member else members
            walkers, picoseconds = len(wanted.temperatures_K) * len(wanted.ensembles), wanted.picoseconds
        case "structure":
            own, walkers = members, len(wanted.temperatures_K) + (wanted.melt_K is not None)
            picoseconds = wanted.picoseconds + _EQUILIBRATION_PS
    steps = 1e3 * picoseconds / wanted.timestep_fs
    return own * walkers * wanted.walkers * steps * 8 * cells * _SMALL_MD_S_PER_ATOM
