"""What a model is and how it is trained: architecture, training, and the tunings of weights."""

import sys
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.base import KIND, PositiveFloat, PositiveInt, Strict, kinds


class Architecture(Strict):
    """The hyperparameters of a MACE model that all arms of a study share."""

    later: ClassVar[tuple[str, ...]] = ("first_residual",)

    channels: Annotated[int, Field(ge=1, le=512, description="Channels of the node features.")] = 32
    max_L: Annotated[
        int,
        Field(ge=0, le=2, description="Largest angular momentum of the messages: 0 invariant, from 1 on equivariant."),
    ] = 0
    layers: Annotated[int, Field(ge=1, le=4, description="Interaction layers.")] = 2
    r_max: Annotated[float, Field(gt=1, le=12, description="Cutoff radius of a layer's neighbourhood, Å.")] = 5.0
    l_max: Annotated[
        int, Field(ge=1, le=4, description="Largest angular momentum of the spherical harmonics of the edges.")
    ] = 3
    correlation: Annotated[
        int, Field(ge=1, le=4, description="Correlation order of the product basis; the body order is one more.")
    ] = 3
    radial_functions: Annotated[int, Field(ge=2, le=32, description="Radial Bessel functions of an edge.")] = 8
    radial_mlp: Annotated[
        tuple[PositiveInt, ...], Field(description="Widths of the hidden layers of the radial network.")
    ] = (64, 64, 64)
    cutoff_power: Annotated[
        int, Field(ge=2, le=12, description="Power p of the polynomial that takes edges to zero at `r_max`.")
    ] = 5
    first_residual: Annotated[
        bool,
        Field(
            description="Whether the first layer, too, adds what comes in to what goes out, as in the models that "
            "mace-torch trains by default."
        ),
    ] = False

    @model_validator(mode="after")
    def _can_be_made(self) -> Self:
        if self.l_max >= 4 and self.correlation >= 3:
            message = f"l_max={self.l_max} with correlation={self.correlation}: mace cannot make it; lower one of them"
            raise PydanticCustomError("architecture", "{message}", {"message": message})
        return self

    @property
    def regrouped(self) -> bool:
        """Whether Graft's own engine computes it; if not, mace-torch's modules do, several times slower."""
        return self.max_L <= 1 and self.correlation <= 3 and not self.first_residual


class Training(Strict):
    """How a model is trained; the same for every arm."""

    steps: Annotated[int, Field(ge=0, description="Optimizer steps. An arm may have its own.")] = 300
    batch_size: Annotated[PositiveInt, Field(description="Labels of a step.")] = 4
    optimizer: Annotated[
        Literal["soap", "adam"],
        Field(description="SOAP (Adam in the eigenbases of the gradients) or Adam with AMSGrad, as mace-torch trains."),
    ] = "soap"
    energy_weight: Annotated[
        float, Field(ge=0, description="Weight in the loss of the mean squared error of energies per atom, eV/atom.")
    ] = 10.0
    force_weight: Annotated[
        float, Field(gt=0, description="Weight in the loss of the mean squared error of force components, eV/Å.")
    ] = 1.0
    stress_weight: Annotated[
        float, Field(ge=0, description="Weight in the loss of the mean squared error of stress components, eV/Å^3.")
    ] = 10.0
    warmup: Annotated[
        float,
        Field(ge=0, le=0.5, description="Share of the steps in which the learning rate rises to its largest value."),
    ] = 0.05
    ema_decay: Annotated[
        float,
        Field(ge=0, lt=1, description="Decay of the exponential moving average of the weights, which is the model."),
    ] = 0.98
    clip_norm: Annotated[
        PositiveFloat, Field(description="Largest norm of a member's gradient; a longer one is cut.")
    ] = 10.0
    largest_force: Annotated[
        PositiveFloat, Field(description="Largest force of a label, eV/Å. A label with a larger one is refused.")
    ] = 50.0
    bootstrap: Annotated[
        bool, Field(description="Whether each member draws its own labels, with replacement, from those there are.")
    ] = False
    dtype: Annotated[Literal["float32", "float64"], Field(description="Precision of the weights in training.")] = (
        "float32"
    )


_SHARE_OF_PASSES = 1 / 3  # what labels that are descended on in batches are seen of what others are
_RIDGE_EVALUATIONS = 48  # one for each of the default architecture's weights that the energy is linear in

LearningRate = Annotated[float, Field(gt=0, le=1, description="Largest learning rate.")]
Steps = Annotated[int, Field(ge=0)]


class Tuning(Strict):
    """What is known of a tuning beside its settings, before torch is imported."""

    @property
    def reads_pool(self) -> bool:
        """Whether unlabelled structures of the pool shape the weights."""
        return False

    @property
    def ends_by_itself(self) -> bool:
        """Whether it stops where it is done, so that a share of the steps is no other training."""
        return False

    def as_of(self, labels: int) -> Self:
        """Return the tuning that trains any number of labels the way this one trains so many."""
        return self

    def cost(self, steps: int, batch_size: int, labels: int, seconds: Callable[[int], float]) -> float:
        """Return the time that training a model takes, s.

        Args:
            steps, batch_size: of the training.
            labels: how many there are.
            seconds: time of one evaluation of loss and gradient, s, by the number of labels evaluated.
        """
        return steps * seconds(min(labels, batch_size))


class PlainTuning(Tuning):
    """All weights are free."""

    kind: Annotated[Literal["plain"], KIND] = "plain"


class AnchoredTuning(Tuning):
    """The most probable weights, when those of the start are the prior."""

    later: ClassVar[tuple[str, ...]] = ("batches_from",)

    kind: Annotated[Literal["anchored"], KIND] = "anchored"
    strength: Annotated[
        PositiveFloat, Field(description="The prior weighs as much as this many force components of the labels.")
    ] = 0.01
    energy_components: Annotated[
        PositiveFloat, Field(description="The energy of a label counts as this many force components.")
    ] = 10.0
    evaluations: Annotated[
        PositiveInt, Field(description="Evaluations of all labels, at most; `steps` bounds them too.")
    ] = 90
    batches_from: Annotated[
        PositiveInt,
        Field(description="So many labels and more are descended on in batches, by SOAP; fewer at once, by L-BFGS."),
    ] = 16

    @property
    def reads_pool(self) -> bool:
        """The strength of the prior is measured on structures of the pool."""
        return True

    @property
    def ends_by_itself(self) -> bool:
        """It stops at the minimum."""
        return True

    def in_batches(self, labels: int) -> bool:
        """Tell whether there are so many labels that they are descended on in batches, and not minimised at once."""
        return labels >= self.batches_from

    def as_of(self, labels: int) -> Self:
        """Return the tuning that trains any number of labels the way this one trains so many."""
        return self.model_copy(update={"batches_from": 1 if self.in_batches(labels) else sys.maxsize})

    def passes(self, steps: int, labels: int) -> float:
        """Return how often each label is evaluated at most; ``steps`` of the training are an upper limit."""
        return min(self.evaluations, steps) * (_SHARE_OF_PASSES if self.in_batches(labels) else 1.0)

    def cost(self, steps: int, batch_size: int, labels: int, seconds: Callable[[int], float]) -> float:
        """Return the time of its passes over all labels, s."""
        return round(self.passes(steps, labels)) * seconds(labels)


class FrozenTuning(Tuning):
    """Only the last parts of the network are free."""

    kind: Annotated[Literal["frozen"], KIND] = "frozen"
    free: Annotated[
        Literal["readouts", "products"],
        Field(description="What is free: the readouts, or the readouts and the product basis (`products`)."),
    ] = "products"


class LowRankTuning(Tuning):
    """Weights move by a low-rank update."""

    kind: Annotated[Literal["low_rank"], KIND] = "low_rank"
    rank: Annotated[PositiveInt, Field(description="Rank of the change of each weight matrix.")] = 2


class RidgeTuning(Tuning):
    """The readouts are fitted in closed form, everything before them stays."""

    kind: Annotated[Literal["ridge"], KIND] = "ridge"

    @property
    def ends_by_itself(self) -> bool:
        """It takes no steps."""
        return True

    def cost(self, steps: int, batch_size: int, labels: int, seconds: Callable[[int], float]) -> float:
        """Return the time of evaluating what each free weight contributes, s."""
        return _RIDGE_EVALUATIONS * seconds(labels)


AnyTuning = PlainTuning | AnchoredTuning | FrozenTuning | LowRankTuning | RidgeTuning
_Candidate = Annotated[
    AnyTuning, Field(discriminator="kind"), kinds("plain", "anchored", "frozen", "low_rank", "ridge")
]


class SelectedTuning(Tuning):
    """The tuning of several that does best in cross-validation on the labels; or the start, where none does better."""

    kind: Annotated[Literal["selected"], KIND] = "selected"
    candidates: Annotated[
        tuple[_Candidate, ...], Field(min_length=1, description="Tunings that are tried on held out labels.")
    ]
    lengths: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1)], ...],
        Field(min_length=1, description="Shares of the steps that are tried for each candidate: early stopping."),
    ] = (1.0,)
    labels_needed: Annotated[
        int, Field(ge=2, description="With fewer labels nothing is tried and the first candidate is taken.")
    ] = 3

    @property
    def reads_pool(self) -> bool:
        """As its candidates do."""
        return any(candidate.reads_pool for candidate in self.candidates)

    def as_of(self, labels: int) -> Self:
        """As its candidates do."""
        return self.model_copy(update={"candidates": tuple(one.as_of(labels) for one in self.candidates)})

    def lengths_of(self, candidate: Tuning) -> tuple[float, ...]:
        """Return the shares of the steps that a candidate is tried with."""
        return (1.0,) if candidate.ends_by_itself else self.lengths

    def cost(self, steps: int, batch_size: int, labels: int, seconds: Callable[[int], float]) -> float:
        """Return the time of trying all candidates and training with the dearest, s."""
        costs = [candidate.cost(steps, batch_size, labels, seconds) for candidate in self.candidates]
        if labels < self.labels_needed:
            return costs[0]
        tried = zip(costs, self.candidates, strict=True)
        return sum(cost * sum(self.lengths_of(candidate)) for cost, candidate in tried) + max(costs)


TuningPart = Annotated[
    AnyTuning | SelectedTuning,
    Field(discriminator="kind"),
    kinds("plain", "anchored", "frozen", "low_rank", "ridge", "selected"),
]
