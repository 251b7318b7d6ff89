"""The arms: how the models of the target start."""

from typing import Annotated, Literal

from pydantic import Field

from al_core.config.base import KIND, Strict, kinds
from al_core.config.training import AnchoredTuning, LearningRate, PlainTuning, Steps, TuningPart


class ScratchArm(Strict):
    """A model that starts from random weights."""

    kind: Annotated[Literal["scratch"], KIND] = "scratch"
    learning_rate: LearningRate = 0.03
    steps: Annotated[
        Steps | None, Field(description="Optimizer steps; those of the study's `training` if not given.")
    ] = None
    tuning: Annotated[PlainTuning, Field(description="What of the weights is free, which is all.")] = PlainTuning()


class TransferArm(Strict):
    """The source weights as they are, with the target's atomic energy."""

    kind: Annotated[Literal["transfer"], KIND] = "transfer"
    learning_rate: LearningRate = 0.01
    steps: Annotated[
        Steps | None, Field(description="Optimizer steps; those of the study's `training` if not given.")
    ] = None
    tuning: Annotated[TuningPart, Field(description="What of the weights is free, and what holds it.")] = PlainTuning()


class RescaledArm(Strict):
    """The source weights with lengths and energies rescaled to the target element."""

    kind: Annotated[Literal["rescaled"], KIND] = "rescaled"
    learning_rate: LearningRate = 0.01
    steps: Annotated[
        Steps | None, Field(description="Optimizer steps; those of the study's `training` if not given.")
    ] = None
    tuning: Annotated[TuningPart, Field(description="What of the weights is free, and what holds it.")] = (
        AnchoredTuning()
    )


AnyArm = ScratchArm | TransferArm | RescaledArm
ArmPart = Annotated[AnyArm, Field(discriminator="kind"), kinds("scratch", "transfer", "rescaled")]
