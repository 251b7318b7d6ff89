"""The evaluations: what is measured on a trained committee."""

from typing import Annotated, Literal

from al_core.config.base import KIND, Strict, kinds


class ErrorsEvaluation(Strict):
    """Errors of forces, energies, stresses and pressure on the test set, by slice and as means over slices."""

    kind: Annotated[Literal["errors"], KIND] = "errors"


AnyEvaluation = ErrorsEvaluation
EvaluationPart = Annotated[AnyEvaluation, kinds("errors")]
