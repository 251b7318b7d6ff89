"""Where structures come from: sampled, a file, a shipped data set, or held out of the pool."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.base import KIND, Name, PositiveFloat, PositiveInt, Strict, UserPath, kinds


def _stays_text(name: str) -> str:
    """Refuse a name that comes back from an extxyz file as a number or a truth value."""
    try:
        float(name)
    except ValueError:
        if name.lower() not in ("t", "f", "true", "false"):
            return name
    message = f"{name!r} would be read as a value from a file of structures; begin it with a word, such as at_{name}"
    raise PydanticCustomError("slice_name", "{message}", {"message": message})


class AnySlice(Strict):
    """What structures of every sort have."""

    name: Annotated[
        Name, AfterValidator(_stays_text), Field(description="Name of the slice, by which errors are told apart.")
    ]
    count: Annotated[PositiveInt, Field(description="Structures to make.")]
    strain: Annotated[
        float, Field(ge=0, le=0.3, description="Largest component of the random strain of each structure's cell.")
    ] = 0.02
    vacancies: Annotated[int, Field(ge=0, description="Atoms taken out of the cell, drawn at random.")] = 0


class Slice(AnySlice):
    """Structures of one sort, sampled by short molecular dynamics of the neutral potential."""

    later: ClassVar[tuple[str, ...]] = ("vacuum_A", "cells")

    temperature_K: Annotated[float, Field(ge=1, le=10000, description="Temperature of the dynamics, K.")]
    repeat: Annotated[
        int, Field(ge=1, le=4, description="Repetitions of the cubic cell (diamond 8 atoms, fcc 4) along each axis.")
    ] = 1
    cells: Annotated[
        Annotated[int, Field(ge=1, le=64)] | None,
        Field(
            description="Primitive cells of a supercell whose shape each structure draws anew, instead of `repeat`. "
            "Such cells hold the wavelengths of much larger cubes, a few of them each."
        ),
    ] = None
    steps: Annotated[int, Field(ge=1, le=100000, description="Steps of the dynamics, 2 fs each.")] = 150
    melt_K: Annotated[
        float, Field(ge=0, le=50000, description="Temperature of as many steps of melting before, K; 0 melts nothing.")
    ] = 0.0
    vacuum_A: Annotated[
        float, Field(ge=0, le=50, description="Vacuum along z, Å, which makes a slab with two (001) surfaces; 0: bulk.")
    ] = 0.0

    @model_validator(mode="after")
    def _atoms_are_left(self) -> Self:
        if self.cells and (self.repeat > 1 or self.vacuum_A):
            other = "repeat" if self.repeat > 1 else "vacuum_A"
            message = f"cells and {other} exclude each other: {other} is of the cubic cell"
            raise PydanticCustomError("slice", "{message}", {"message": message})
        # of fcc, half as many: only the preflight knows the element
        atoms, key = (2 * self.cells, "cells") if self.cells else (8 * self.repeat**3, "repeat")
        if self.vacancies and self.vacancies > atoms - 2:
            message = f"vacancies must leave 2 of the {atoms} atoms ({key}={getattr(self, key)}), got {self.vacancies}"
            raise PydanticCustomError("slice", "{message}", {"message": message})
        return self


class RattledSlice(AnySlice):
    """Structures of one sort: strained cells of a crystal whose atoms are displaced at random."""

    rattle_A: Annotated[
        float, Field(ge=0, le=1, description="Standard deviation of the displacements along each axis, Å.")
    ]
    repeat: Annotated[
        int, Field(ge=1, le=4, description="Repetitions of the conventional cell, or of the file's, along each axis.")
    ] = 1
    cells: Annotated[
        Annotated[int, Field(ge=1, le=64)] | None,
        Field(description="Primitive cells of a supercell whose shape each structure draws anew, instead of `repeat`."),
    ] = None

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if self.cells and self.repeat > 1:
            message = "cells and repeat exclude each other: repeat is of the conventional cell"
            raise PydanticCustomError("slice", "{message}", {"message": message})
        return self


def _differ(slices: Sequence[AnySlice]) -> None:
    names = [part.name for part in slices]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        message = f"two slices are named {twice[0]!r}: give each a name of its own, it seeds the slice's structures"
        raise PydanticCustomError("slices", "{message}", {"message": message})


class MDStructures(Strict):
    """Structures from molecular dynamics of an element's crystal, neutral to every model under test.

    The potential is Stillinger-Weber for Si and Ge (diamond), effective medium theory for fcc metals.
    """

    kind: Annotated[Literal["md"], KIND] = "md"
    slices: Annotated[tuple[Slice, ...], Field(min_length=1, description="The sorts of structures to sample.")]
    lattice_scale: Annotated[
        float, Field(ge=0.8, le=1.25, description="Lattice constant of the cells over the experimental one.")
    ] = 1.01
    seed: Annotated[
        int, Field(ge=0, description="Seed of the sampling. Pool, test set and source differ even with the same seed.")
    ] = 0

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        _differ(self.slices)
        return self


class CrystalCell(Strict):
    """A crystal to start from: one of ASE's prototypes, or the first structure of a file."""

    prototype: Annotated[
        Literal[
            "sc",
            "fcc",
            "bcc",
            "hcp",
            "diamond",
            "zincblende",
            "wurtzite",
            "rocksalt",
            "cesiumchloride",
            "fluorite",
            "perovskite",
        ]
        | None,
        Field(description="Its name, as `ase.build.bulk` names it; or perovskite, the cubic one, of A, B and X."),
    ] = None
    formula: Annotated[
        str | None,
        Field(description="What stands on its sites, in ASE's order; the elements one after the other if not given."),
    ] = None
    a: Annotated[PositiveFloat | None, Field(description="Lattice constant of its conventional cell, Å.")] = None
    c: Annotated[PositiveFloat | None, Field(description="The second one of hcp and wurtzite, Å.")] = None
    path: Annotated[
        UserPath | None, Field(description="A file that ASE reads, instead of a prototype: a relaxed crystal, a CIF.")
    ] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        given = [key for key in ("prototype", "formula", "a", "c") if getattr(self, key) is not None]
        message = ""
        if self.path and given:
            message = f"path and {given[0]} exclude each other: the file says it all"
        elif not self.path and not (self.prototype and self.a):
            message = "expected prototype and a, or path"
        if message:
            raise PydanticCustomError("crystal", "{message}", {"message": message})
        return self


class RattledStructures(Strict):
    """Any crystal, strained and rattled: what is left where no neutral potential is known."""

    kind: Annotated[Literal["rattled"], KIND] = "rattled"
    crystal: Annotated[CrystalCell, Field(description="The crystal they are made of.")]
    slices: Annotated[tuple[RattledSlice, ...], Field(min_length=1, description="The sorts of structures to make.")]
    seed: Annotated[
        int, Field(ge=0, description="Seed of the sampling. Pool, test set and source differ even with the same seed.")
    ] = 0

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        _differ(self.slices)
        return self


SampledStructures = MDStructures | RattledStructures
StressUnit = Literal["eV/A^3", "GPa", "kbar"]


class LabelledFile(Strict):
    """An extxyz file with labels, and the names they have in it."""

    later: ClassVar[tuple[str, ...]] = ("stress_unit", "virial_key")

    path: Annotated[UserPath, Field(description="The extxyz file; a relative path starts at the current folder.")]
    energy_key: Annotated[str, Field(description="Key of the energy of a frame, eV.")] = "REF_energy"
    forces_key: Annotated[str, Field(description="Key of the forces on its atoms, eV/Å.")] = "REF_forces"
    stress_key: Annotated[
        str | None, Field(description="Key of its stress, positive under tension; no stress is read if not given.")
    ] = None
    stress_unit: Annotated[StressUnit, Field(description="Unit of the stress in the file.")] = "eV/A^3"
    virial_key: Annotated[
        str | None,
        Field(description="Key of its virial, eV, which is -stress x volume; instead of stress_key."),
    ] = None

    @model_validator(mode="after")
    def _one_of_stress_and_virial(self) -> Self:
        message = ""
        if self.virial_key and self.stress_key:
            message = "stress_key and virial_key exclude each other: a stress is read from one of them"
        elif self.stress_unit != "eV/A^3" and not self.stress_key:
            message = f"stress_unit {self.stress_unit} needs a stress_key; a virial is in eV"
        if message:
            raise PydanticCustomError("stress", "{message}", {"message": message})
        return self


class FileStructures(LabelledFile):
    """Structures (and, where they are needed, labels) from an extxyz file."""

    kind: Annotated[Literal["file"], KIND] = "file"
    slice_key: Annotated[str, Field(description="Key of the name of its slice.")] = "config_type"


class FilePool(FileStructures):
    """The candidates of a study, from a file of any size."""

    later: ClassVar[tuple[str, ...]] = (*FileStructures.later, "at_most")

    at_most: Annotated[
        PositiveInt | None,
        Field(
            description="Structures to draw at random where the file has more, such as all frames of long "
            "trajectories. They are read one after another, so that only what is drawn takes memory."
        ),
    ] = None


class BundledStructures(Strict):
    """A data set shipped with Graft."""

    kind: Annotated[Literal["bundled"], KIND] = "bundled"
    name: Annotated[Name, Field(description="Name of the shipped data set, such as `ge-pool-pbe`.")]


class HoldoutStructures(Strict):
    """Structures taken out of the pool, spread over its groups, before anything is chosen from it."""

    kind: Annotated[Literal["holdout"], KIND] = "holdout"
    size: Annotated[PositiveInt, Field(description="Structures to hold out.")]
    seed: Annotated[int, Field(ge=0, description="Seed of the random choice.")] = 0


SourceStructures = Annotated[
    MDStructures | RattledStructures | FileStructures | BundledStructures,
    Field(discriminator="kind"),
    kinds("md", "rattled", "file", "bundled"),
]
PoolStructures = Annotated[
    MDStructures | RattledStructures | FilePool | BundledStructures,
    Field(discriminator="kind"),
    kinds("md", "rattled", "file", "bundled"),
]
TestStructures = Annotated[
    MDStructures | RattledStructures | FileStructures | BundledStructures | HoldoutStructures,
    Field(discriminator="kind"),
    kinds("md", "rattled", "file", "bundled", "holdout"),
]
