"""What a model is and how it is trained: architecture, training, and the tunings of weights."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from al_core.config.base import PositiveFloat, PositiveInt, Strict, kinds


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
