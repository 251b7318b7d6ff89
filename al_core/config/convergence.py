"""A convergence study of DFT settings."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.base import Element, Name, StoreURL, Strict, nearest
from al_core.config.labelers import GPAWLabeler
from al_core.config.structures import MDStructures


class ConvergenceConfig(Strict):
    """How far the labels of some DFT settings are from those of tight ones."""

    kind: Literal["convergence"] = "convergence"
    name: Name = "convergence"
    elements: Annotated[tuple[Element, ...], Field(min_length=1)]
    structures: MDStructures  # of every element
    reference: GPAWLabeler
    base: GPAWLabeler  # what else is set while one setting is varied
    vary: dict[str, Annotated[tuple[float, ...], Field(min_length=1)]] = Field(default_factory=dict)  # of the base
    settings: dict[Name, GPAWLabeler] = Field(default_factory=dict)  # whole sets, against the reference
    store: StoreURL | None = None  # of the labels; a file in the study's folder if not given
    workers: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _values_are_settings(self) -> Self:
        fields = [
            key
            for key in GPAWLabeler.model_fields
            if key not in ("kind", "preset", "xc", "smearing", "kpt_even", "timeout_s")
        ]
        for key, values in self.vary.items():
            if key not in fields:
                message = f"vary: unknown setting {key!r}{nearest(key, fields)}"
                raise PydanticCustomError("vary", "{message}", {"message": message})
            for value in values:
                try:
                    self.base.varied(key, value)
                except ValidationError as error:
                    message = f"vary.{key}: {error.errors()[0]['msg']}, got {value:g}"
                    raise PydanticCustomError("vary", "{message}", {"message": message}) from None
        return self
