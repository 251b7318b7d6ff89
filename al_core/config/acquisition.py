"""The acquisitions: which structures are labelled next."""

from typing import Annotated, Literal

from pydantic import Field

from al_core.config.base import KIND, Strict, kinds


class RandomAcquisition(Strict):
    """Structures drawn at random."""

    kind: Annotated[Literal["random"], KIND] = "random"


class UncertaintyAcquisition(Strict):
    """The structures on which the committee disagrees most about a force."""

    kind: Annotated[Literal["uncertainty"], KIND] = "uncertainty"


class VarianceReductionAcquisition(Strict):
    """The structures whose labels would take most of the expected force error off the whole pool."""

    kind: Annotated[Literal["variance_reduction"], KIND] = "variance_reduction"


AnyAcquisition = RandomAcquisition | UncertaintyAcquisition | VarianceReductionAcquisition
AcquisitionPart = Annotated[
    AnyAcquisition, Field(discriminator="kind"), kinds("random", "uncertainty", "variance_reduction")
]
