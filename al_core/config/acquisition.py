"""The acquisitions: which structures are labelled next."""

from typing import Annotated, Literal

from pydantic import Field

from al_core.config.base import Strict, kinds


class RandomAcquisition(Strict):
    """Structures drawn at random."""

    kind: Literal["random"] = "random"


class UncertaintyAcquisition(Strict):
    """The structures on which the committee disagrees most about a force."""

    kind: Literal["uncertainty"] = "uncertainty"


class VarianceReductionAcquisition(Strict):
    """The structures whose labels would take most of the expected force error off the whole pool."""

    kind: Literal["variance_reduction"] = "variance_reduction"


AnyAcquisition = RandomAcquisition | UncertaintyAcquisition | VarianceReductionAcquisition
AcquisitionPart = Annotated[
    AnyAcquisition, Field(discriminator="kind"), kinds("random", "uncertainty", "variance_reduction")
]
