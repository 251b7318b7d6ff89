"""Configs: one YAML file is one frozen model, checked completely before anything is computed.

Parts that come in several kinds are chosen by their ``kind`` field. Relative paths are taken from the current folder.
This module imports nothing heavy, so that a wrong config is refused in well under a second.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from al_core.config_base import (
    Device,
    Element,
    Name,
    PositiveFloat,
    PositiveInt,
    StoreURL,
    Strict,
    UserPath,
    kinds,
    nearest,
)
from al_core.config_labelers import GPAWLabeler, LabelerPart

# ---- structures -----------------------------------------------------------------------------------------------------


class Slice(Strict):
    """Structures of one sort, sampled by short molecular dynamics of the neutral potential."""

    later: ClassVar[tuple[str, ...]] = ("vacuum_A",)

    name: Name
    count: PositiveInt
    temperature_K: Annotated[float, Field(ge=1, le=10000)]
    strain: Annotated[float, Field(ge=0, le=0.3)] = 0.02  # largest random strain component
    vacancies: Annotated[int, Field(ge=0)] = 0
    repeat: Annotated[int, Field(ge=1, le=4)] = 1  # of the cubic cell (diamond 8 atoms, fcc 4), along each axis
    steps: Annotated[int, Field(ge=1, le=100000)] = 150  # of 2 fs
    melt_K: Annotated[float, Field(ge=0, le=50000)] = 0.0  # as many steps at this temperature first; 0: none
    vacuum_A: Annotated[float, Field(ge=0, le=50)] = 0.0  # along z: a slab with two (001) surfaces

    @model_validator(mode="after")
    def _atoms_are_left(self) -> Self:
        atoms = 8 * self.repeat**3  # of fcc, half as many: only the preflight knows the element
        if self.vacancies > atoms - 2:
            message = f"vacancies must leave 2 of the {atoms} atoms (repeat={self.repeat}), got {self.vacancies}"
            raise PydanticCustomError("slice", "{message}", {"message": message})
        return self


class MDStructures(Strict):
    """Structures from molecular dynamics of an element's crystal, neutral to every model under test.

    The potential is Stillinger-Weber for Si and Ge (diamond), effective medium theory for fcc metals.
    """

    kind: Literal["md"] = "md"
    slices: Annotated[tuple[Slice, ...], Field(min_length=1)]
    lattice_scale: Annotated[float, Field(ge=0.8, le=1.25)] = 1.01  # of the experimental lattice constant
    seed: Annotated[int, Field(ge=0)] = 0


class FileStructures(Strict):
    """Structures (and, where they are needed, labels) from an extxyz file."""

    kind: Literal["file"] = "file"
    path: UserPath
    energy_key: str = "REF_energy"
    forces_key: str = "REF_forces"
    stress_key: str | None = None
    slice_key: str = "config_type"


class BundledStructures(Strict):
    """A data set shipped with Graft."""

    kind: Literal["bundled"] = "bundled"
    name: Name


class HoldoutStructures(Strict):
    """Structures taken out of the pool, spread over its groups, before anything is chosen from it."""

    kind: Literal["holdout"] = "holdout"
    size: PositiveInt
    seed: Annotated[int, Field(ge=0)] = 0


SourceStructures = Annotated[
    MDStructures | FileStructures | BundledStructures, Field(discriminator="kind"), kinds("md", "file", "bundled")
]
TestStructures = Annotated[
    MDStructures | FileStructures | BundledStructures | HoldoutStructures,
    Field(discriminator="kind"),
    kinds("md", "file", "bundled", "holdout"),
]

# ---- models ---------------------------------------------------------------------------------------------------------


class Architecture(Strict):
    """The hyperparameters of a MACE model that all arms of a study share."""

    channels: Annotated[int, Field(ge=1, le=512)] = 32
    max_L: Annotated[int, Field(ge=0, le=2)] = 0
    layers: Annotated[int, Field(ge=1, le=4)] = 2
    r_max: Annotated[float, Field(gt=1, le=12)] = 5.0
    l_max: Annotated[int, Field(ge=1, le=4)] = 3
    correlation: Annotated[int, Field(ge=1, le=4)] = 3
    radial_functions: Annotated[int, Field(ge=2, le=32)] = 8
    radial_mlp: tuple[PositiveInt, ...] = (64, 64, 64)
    cutoff_power: Annotated[int, Field(ge=2, le=12)] = 5

    @property
    def regrouped(self) -> bool:
        """Whether Graft's own engine computes it; if not, mace-torch's modules do, several times slower."""
        return self.max_L <= 1 and self.correlation <= 3


class Training(Strict):
    """How a model is trained; the same for every arm."""

    steps: Annotated[int, Field(ge=0)] = 300
    batch_size: PositiveInt = 4
    optimizer: Literal["soap", "adam"] = "soap"
    energy_weight: Annotated[float, Field(ge=0)] = 10.0  # of the mean squared error in eV/atom
    force_weight: Annotated[float, Field(gt=0)] = 1.0  # eV/Å
    stress_weight: Annotated[float, Field(ge=0)] = 10.0  # eV/Å^3
    warmup: Annotated[float, Field(ge=0, le=0.5)] = 0.05  # share of the steps with a rising learning rate
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.98
    clip_norm: PositiveFloat = 10.0
    largest_force: PositiveFloat = 50.0  # eV/Å; a label with a larger one is refused
    bootstrap: bool = False  # each member draws its own labels, with replacement, from those there are
    dtype: Literal["float32", "float64"] = "float32"


LearningRate = Annotated[float, Field(gt=0, le=1)]
Steps = Annotated[int, Field(ge=0)]
Strength = Annotated[float, Field(ge=0)]


class PlainTuning(Strict):
    """All weights are free."""

    kind: Literal["plain"] = "plain"


class AnchoredTuning(Strict):
    """The most probable weights, when those of the start are the prior."""

    many_labels: ClassVar[int] = 16  # so many and more are seen in batches,
    share_of_passes: ClassVar[float] = 1 / 3  # and so much less often

    kind: Literal["anchored"] = "anchored"
    strength: PositiveFloat = 2.0  # force components that the prior weighs as much as with one label
    evaluations: PositiveInt = 90  # of all labels, at most


class FrozenTuning(Strict):
    """Only the last parts of the network are free."""

    kind: Literal["frozen"] = "frozen"
    free: Literal["readouts", "products"] = "products"


class LowRankTuning(Strict):
    """Weights move by a low-rank update."""

    kind: Literal["low_rank"] = "low_rank"
    rank: PositiveInt = 2


class RidgeTuning(Strict):
    """The readouts are fitted in closed form, everything before them stays."""

    kind: Literal["ridge"] = "ridge"


AnyTuning = PlainTuning | AnchoredTuning | FrozenTuning | LowRankTuning | RidgeTuning
_Candidate = Annotated[
    AnyTuning, Field(discriminator="kind"), kinds("plain", "anchored", "frozen", "low_rank", "ridge")
]


class SelectedTuning(Strict):
    """The way of several that does best in cross-validation on the labels; or the start, where none does better."""

    kind: Literal["selected"] = "selected"
    candidates: Annotated[tuple[_Candidate, ...], Field(min_length=1)]
    lengths: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = (1.0,)  # of the steps
    labels_needed: Annotated[int, Field(ge=2)] = 3  # with fewer, the first candidate is taken


TuningPart = Annotated[
    AnyTuning | SelectedTuning,
    Field(discriminator="kind"),
    kinds("plain", "anchored", "frozen", "low_rank", "ridge", "selected"),
]


class ScratchArm(Strict):
    """A model that starts from random weights."""

    kind: Literal["scratch"] = "scratch"
    learning_rate: LearningRate = 0.03
    steps: Steps | None = None  # those of the study's training
    tuning: PlainTuning = PlainTuning()


class TransferArm(Strict):
    """The source weights as they are, with the target's atomic energy."""

    kind: Literal["transfer"] = "transfer"
    learning_rate: LearningRate = 0.01
    steps: Steps | None = None
    tuning: TuningPart = PlainTuning()


class RescaledArm(Strict):
    """The source weights with lengths and energies rescaled to the target element."""

    kind: Literal["rescaled"] = "rescaled"
    learning_rate: LearningRate = 0.01
    steps: Steps | None = None
    tuning: TuningPart = AnchoredTuning()


class RandomAcquisition(Strict):
    """Structures drawn at random."""

    kind: Literal["random"] = "random"


class UncertaintyAcquisition(Strict):
    """The structures on which the committee disagrees most about a force."""

    kind: Literal["uncertainty"] = "uncertainty"


AnyArm = ScratchArm | TransferArm | RescaledArm


class VarianceReductionAcquisition(Strict):
    """The structures whose labels would take most of the expected force error off the whole pool."""

    kind: Literal["variance_reduction"] = "variance_reduction"


AnyAcquisition = RandomAcquisition | UncertaintyAcquisition | VarianceReductionAcquisition
ArmPart = Annotated[AnyArm, Field(discriminator="kind"), kinds("scratch", "transfer", "rescaled")]
AcquisitionPart = Annotated[
    AnyAcquisition, Field(discriminator="kind"), kinds("random", "uncertainty", "variance_reduction")
]

# ---- the files ------------------------------------------------------------------------------------------------------


class PretrainConfig(Strict):
    """A committee of source models and the data it is trained on."""

    kind: Literal["pretrain"] = "pretrain"
    name: Name = "source"
    element: Element
    structures: SourceStructures
    labeler: LabelerPart | None = None
    store: StoreURL | None = None  # of the labels; a file in the committee's folder if not given
    committee: Annotated[int, Field(ge=2, le=64)] = 4
    model: Architecture = Architecture()
    training: Training = Training(steps=3000)
    learning_rate: LearningRate = 0.03
    workers: Annotated[int, Field(ge=0)] = 0  # 0: one per core
    device: Device = "auto"

    @model_validator(mode="after")
    def _labels_come_from_somewhere(self) -> Self:
        if self.structures.kind == "md" and self.labeler is None:
            raise PydanticCustomError("labeler", "structures of kind 'md' have no labels: a labeler is needed")
        if self.structures.kind != "md" and self.labeler is not None:
            raise PydanticCustomError(
                "labeler", "structures from a file or data set are read with their labels: leave the labeler out"
            )
        return self


class ConvergenceConfig(Strict):
    """How far the labels of some DFT settings are from those of tight ones."""

    kind: Literal["convergence"] = "convergence"
    name: Name = "convergence"
    elements: Annotated[tuple[Element, ...], Field(min_length=1)]
    structures: MDStructures  # of every element
    reference: GPAWLabeler
    base: GPAWLabeler  # what else is set while one setting is varied
    vary: dict[str, Annotated[tuple[float, ...], Field(min_length=1)]] = Field(default_factory=dict)  # of the base
    settings: dict[Name, GPAWLabeler] = Field(default_factory=dict)  # whole sets, against the reference
    store: StoreURL | None = None  # of the labels; a file in the study's folder if not given
    workers: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _values_are_settings(self) -> Self:
        fields = [
            key
            for key in GPAWLabeler.model_fields
            if key not in ("kind", "preset", "xc", "smearing", "kpt_even", "timeout_s")
        ]
        for key, values in self.vary.items():
            if key not in fields:
                message = f"vary: unknown setting {key!r}{nearest(key, fields)}"
                raise PydanticCustomError("vary", "{message}", {"message": message})
            for value in values:
                try:
                    self.base.varied(key, value)
                except ValidationError as error:
                    message = f"vary.{key}: {error.errors()[0]['msg']}, got {value:g}"
                    raise PydanticCustomError("vary", "{message}", {"message": message}) from None
        return self


class BundledSource(Strict):
    """A committee of source models shipped with Graft."""

    kind: Literal["bundled"] = "bundled"
    name: Name


class BundlesSource(Strict):
    """A committee of source models in a folder, as ``graft pretrain`` writes it."""

    kind: Literal["bundles"] = "bundles"
    path: UserPath


SourcePart = Annotated[
    BundledSource | BundlesSource | PretrainConfig,
    Field(discriminator="kind"),
    kinds("bundled", "bundles", "pretrain"),
]


class StudyConfig(Strict):
    """A study: every arm, acquisition and seed at every label budget."""

    name: Name
    target: Element
    source: SourcePart
    labeler: LabelerPart
    pool: SourceStructures
    test: TestStructures
    budgets: tuple[PositiveInt, ...]
    arms: tuple[ArmPart, ...]
    acquisitions: tuple[AcquisitionPart, ...]
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = (0, 1, 2)
    comparisons: tuple[Literal["shared", "own"], ...] = ("shared", "own")
    shared_leader: str = ""  # the arm whose choices all arms share; '' is the last one listed
    committee: Annotated[int, Field(ge=2, le=64)] = 4
    training: Training = Training()
    store: StoreURL | None = None  # of the labels; a file in the study's folder if not given
    max_failed_share: Annotated[float, Field(ge=0, le=1)] = 0.3  # of the labels asked for
    workers: Annotated[int, Field(ge=0)] = 0  # processes at once, for labels and for training; 0: one per core
    device: Device = "auto"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        def fail(message: str) -> None:
            raise PydanticCustomError("study", "{message}", {"message": message})

        for key in ("budgets", "arms", "acquisitions", "seeds", "comparisons"):
            values = [getattr(value, "kind", value) for value in getattr(self, key)]
            if not values:
                fail(f"{key} is empty")
            if len(set(values)) != len(values):
                fail(f"{key} names something twice: {values}")
        if list(self.budgets) != sorted(self.budgets):
            fail(f"budgets must increase, got {list(self.budgets)}")
        kinds = [arm.kind for arm in self.arms]
        if self.shared_leader and self.shared_leader not in kinds:
            fail(f"shared_leader: {self.shared_leader!r} is not one of the arms{nearest(self.shared_leader, kinds)}")
        if self.source.kind == "pretrain" and self.committee > self.source.committee:
            fail(f"committee of {self.committee} needs as many source models, the source has {self.source.committee}")
        return self

    @property
    def leader(self) -> str:
        """The arm whose choices all arms share in the shared comparison."""
        return self.shared_leader or self.arms[-1].kind
