"""The evaluations: what is measured on a trained committee."""

from typing import Annotated, Literal

from al_core.config.base import KIND, Strict, kinds


class ErrorsEvaluation(Strict):
    """Force and energy errors on the test set, by slice."""

    kind: Annotated[Literal["errors"], KIND] = "errors"


AnyEvaluation = ErrorsEvaluation
EvaluationPart = Annotated[AnyEvaluation, kinds("errors")]
