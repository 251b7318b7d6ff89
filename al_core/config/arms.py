"""The arms: how the models of the target start."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from al_core.config.base import KIND, Method, kinds
from al_core.config.sources import GivenSource, GivenSourcePart
from al_core.config.training import AnchoredTuning, LearningRate, PlainTuning, Steps, Training, TuningPart


class Arm(Method):
    """What is known of an arm beside its settings.

    Attributes:
        uses_source: whether models start from the source's weights; if not, they know nothing to choose structures by
            before there is a label.
        is_baseline: whether the other arms are compared with it, on the same labels.
        start_reads_pool: whether unlabelled structures of the pool shape the models before they are trained.
    """

    uses_source: ClassVar[bool] = True
    is_baseline: ClassVar[bool] = False
    start_reads_pool: ClassVar[bool] = False

    steps: Annotated[
        Steps | None, Field(description="Optimizer steps; those of the study's `training` if not given.")
    ] = None

    @property
    def own_source(self) -> GivenSource | None:
        """The committee that the arm starts from instead of the study's source; None for the study's."""
        return None

    def settings(self) -> dict[str, Any]:
        """Return what identifies the arm beside the content of its source, JSON-ready."""
        return self.model_dump(mode="json", exclude={"name", "source"})

    def training(self, shared: Training) -> Training:
        """Return the training of a study with the arm's own number of steps."""
        return shared if self.steps is None else shared.model_copy(update={"steps": self.steps})


class ScratchArm(Arm):
    """A model that starts from random weights."""

    uses_source: ClassVar[bool] = False
    is_baseline: ClassVar[bool] = True

    kind: Annotated[Literal["scratch"], KIND] = "scratch"
    learning_rate: LearningRate = 0.03
    tuning: Annotated[PlainTuning, Field(description="What of the weights is free, which is all."), kinds("plain")] = (
        PlainTuning()
    )


class SourceArm(Arm):
    """An arm that starts from the weights of a source."""

    later: ClassVar[tuple[str, ...]] = ("name", "source")

    source: Annotated[
        GivenSourcePart | None,
        Field(
            description="A committee to start from instead of the study's source, of the same architecture: one that "
            "was pretrained on another element, or on labels of a foundation model. Only in studies."
        ),
    ] = None

    @property
    def own_source(self) -> GivenSource | None:
        """See :class:`Arm`."""
        return self.source


class TransferArm(SourceArm):
    """The source weights as they are, with the target's atomic energy."""

    kind: Annotated[Literal["transfer"], KIND] = "transfer"
    learning_rate: LearningRate = 0.01
    tuning: Annotated[TuningPart, Field(description="What of the weights is free, and what holds it.")] = PlainTuning()


class RescaledArm(SourceArm):
    """The source weights with lengths and energies rescaled to the target element."""

    start_reads_pool: ClassVar[bool] = True

    kind: Annotated[Literal["rescaled"], KIND] = "rescaled"
    learning_rate: LearningRate = 0.01
    tuning: Annotated[TuningPart, Field(description="What of the weights is free, and what holds it.")] = (
        AnchoredTuning()
    )


AnyArm = ScratchArm | TransferArm | RescaledArm
ArmPart = Annotated[AnyArm, Field(discriminator="kind"), kinds("scratch", "transfer", "rescaled")]
