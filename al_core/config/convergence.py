"""A convergence study of DFT settings."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.base import KIND, Element, Name, StoreURL, Strict, kinds, nearest
from al_core.config.labelers import GPAWLabeler
from al_core.config.site import LocalSite, Site
from al_core.config.structures import FileStructures, MDStructures, RattledStructures


class ConvergenceConfig(Strict):
    """How far the labels of some DFT settings are from those of tight ones."""

    kind: Annotated[Literal["convergence"], KIND] = "convergence"
    name: Annotated[Name, Field(description="Name of the study; its folder is `runs/NAME`.")] = "convergence"
    elements: Annotated[
        tuple[Element, ...],
        Field(
            description="Chemical symbols. `md` samples crystals of each; `rattled` sets them on the sites of one "
            "crystal. Of a file's structures they are not given."
        ),
    ] = ()
    structures: Annotated[
        MDStructures | RattledStructures | FileStructures,
        Field(discriminator="kind", description="The structures that are labelled."),
        kinds("md", "rattled", "file"),
    ]
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

    @property
    def crystals(self) -> tuple[tuple[str, ...], ...]:
        """The elements of each crystal that structures are made of; none of a file."""
        each = tuple((element,) for element in self.elements)
        return each if isinstance(self.structures, MDStructures) or not each else (self.elements,)

    @model_validator(mode="after")
    def _elements_are_of_what_is_made(self) -> Self:
        of_file = isinstance(self.structures, FileStructures)
        if of_file == bool(self.elements):
            message = "elements: leave them out: a file has its own" if of_file else "elements: at least one is needed"
            raise PydanticCustomError("elements", "{message}", {"message": message})
        return self

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
