"""The arms: how the models of the target start."""

from typing import Annotated, Literal

from pydantic import Field

from al_core.config.base import Strict, kinds
from al_core.config.training import AnchoredTuning, LearningRate, PlainTuning, Steps, TuningPart


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


AnyArm = ScratchArm | TransferArm | RescaledArm
ArmPart = Annotated[AnyArm, Field(discriminator="kind"), kinds("scratch", "transfer", "rescaled")]
