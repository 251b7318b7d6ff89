"""Where structures come from: sampled, a file, a shipped data set, or held out of the pool."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.base import Name, PositiveInt, Strict, UserPath, kinds


class Slice(Strict):
    """Structures of one sort, sampled by short molecular dynamics of the neutral potential."""

    later: ClassVar[tuple[str, ...]] = ("vacuum_A",)

    name: Name
    count: PositiveInt
    temperature_K: Annotated[float, Field(ge=1, le=10000)]
    strain: Annotated[float, Field(ge=0, le=0.3)] = 0.02  # largest random strain component
    vacancies: Annotated[int, Field(ge=0)] = 0
    repeat: Annotated[int, Field(ge=1, le=4)] = 1  # of the cubic cell (diamond 8 atoms, fcc 4), along each axis
    steps: Annotated[int, Field(ge=1, le=100000)] = 150  # of 2 fs
    melt_K: Annotated[float, Field(ge=0, le=50000)] = 0.0  # as many steps at this temperature first; 0: none
    vacuum_A: Annotated[float, Field(ge=0, le=50)] = 0.0  # along z: a slab with two (001) surfaces

    @model_validator(mode="after")
    def _atoms_are_left(self) -> Self:
        atoms = 8 * self.repeat**3  # of fcc, half as many: only the preflight knows the element
        if self.vacancies > atoms - 2:
            message = f"vacancies must leave 2 of the {atoms} atoms (repeat={self.repeat}), got {self.vacancies}"
            raise PydanticCustomError("slice", "{message}", {"message": message})
        return self


class MDStructures(Strict):
    """Structures from molecular dynamics of an element's crystal, neutral to every model under test.

    The potential is Stillinger-Weber for Si and Ge (diamond), effective medium theory for fcc metals.
    """

    kind: Literal["md"] = "md"
    slices: Annotated[tuple[Slice, ...], Field(min_length=1)]
    lattice_scale: Annotated[float, Field(ge=0.8, le=1.25)] = 1.01  # of the experimental lattice constant
    seed: Annotated[int, Field(ge=0)] = 0


class FileStructures(Strict):
    """Structures (and, where they are needed, labels) from an extxyz file."""

    kind: Literal["file"] = "file"
    path: UserPath
    energy_key: str = "REF_energy"
    forces_key: str = "REF_forces"
    stress_key: str | None = None
    slice_key: str = "config_type"


class BundledStructures(Strict):
    """A data set shipped with Graft."""

    kind: Literal["bundled"] = "bundled"
    name: Name


class HoldoutStructures(Strict):
    """Structures taken out of the pool, spread over its groups, before anything is chosen from it."""

    kind: Literal["holdout"] = "holdout"
    size: PositiveInt
    seed: Annotated[int, Field(ge=0)] = 0


SourceStructures = Annotated[
    MDStructures | FileStructures | BundledStructures, Field(discriminator="kind"), kinds("md", "file", "bundled")
]
TestStructures = Annotated[
    MDStructures | FileStructures | BundledStructures | HoldoutStructures,
    Field(discriminator="kind"),
    kinds("md", "file", "bundled", "holdout"),
]
