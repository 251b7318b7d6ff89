"""A convergence study of DFT settings."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.base import KIND, Element, Name, StoreURL, Strict, nearest
from al_core.config.labelers import GPAWLabeler
from al_core.config.site import LocalSite, Site
from al_core.config.structures import MDStructures


class ConvergenceConfig(Strict):
    """How far the labels of some DFT settings are from those of tight ones."""

    kind: Annotated[Literal["convergence"], KIND] = "convergence"
    name: Annotated[Name, Field(description="Name of the study; its folder is `runs/NAME`.")] = "convergence"
    elements: Annotated[tuple[Element, ...], Field(min_length=1, description="Chemical symbols of the crystals.")]
    structures: Annotated[MDStructures, Field(description="The structures that are sampled of every element.")]
    reference: Annotated[GPAWLabeler, Field(description="The tight settings that all others are compared with.")]
    base: Annotated[GPAWLabeler, Field(description="The other settings while a single one is varied.")]
    vary: dict[str, Annotated[tuple[float, ...], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="Values of single settings of `base`, each compared with the reference's value of that setting.",
    )
    settings: dict[Name, GPAWLabeler] = Field(
        default_factory=dict, description="Whole sets of settings, by name, compared with the reference."
    )
    store: Annotated[
        StoreURL | None,
        Field(description="PostgreSQL data base of the labels; `labels.db` in the study's folder if not given."),
    ] = None
    site: Site = LocalSite()

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
