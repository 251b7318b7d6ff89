"""Traffic lights of properties: which deviations from a reference are good and which are bad."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.base import Strict


class Limits(Strict):
    """The two ends of a property's deviation from its reference."""

    good: Annotated[float, Field(ge=0, description="A deviation that nobody minds, in the property's unit or percent.")]
    bad: Annotated[float, Field(gt=0, description="A deviation that makes the property of no use.")]
    percent: Annotated[bool, Field(description="Whether both are percent of the reference.")] = False
    source: Annotated[str, Field(description="Where the two are from.")] = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.good >= self.bad:
            message = "good is {good}, bad is {bad}: expected a bad deviation that is larger"
            raise PydanticCustomError("limits", message, {"good": self.good, "bad": self.bad})
        return self


class LightsConfig(Strict):
    """A table of traffic lights: a file of `graft properties --lights`."""

    properties: Annotated[
        dict[str, Limits],
        Field(description="By name of property; `*` stands for any text, and a name without it goes before."),
    ]
