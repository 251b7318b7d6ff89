"""Growing one potential: what it is to be good for, what may be spent, and how it is gone about."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.acquisition import AcquisitionPart, VarianceReductionAcquisition
from al_core.config.arms import ArmPart, RescaledArm
from al_core.config.base import Device, Name, PositiveFloat, PositiveInt, StoreURL, Strict, kinds
from al_core.config.labelers import LabelerPart
from al_core.config.site import LocalSite, Site
from al_core.config.sources import SourcePart
from al_core.config.structures import BundledStructures, CrystalCell, FileStructures
from al_core.config.target import TargetPart
from al_core.config.training import Training

Phase = Literal["crystal", "vacancy", "surface", "liquid"]
Labelled = Annotated[BundledStructures | FileStructures, Field(discriminator="kind"), kinds("bundled", "file")]


class Purpose(Strict):
    """What will be simulated with the potential, and how good it must be there."""

    temperatures_K: Annotated[
        tuple[PositiveFloat, ...], Field(min_length=1, description="Temperatures that solids are simulated at, K.")
    ] = (300.0, 900.0)
    phases: Annotated[
        tuple[Phase, ...],
        Field(min_length=1, description="What is simulated: crystal, vacancy, surface ((001), in a slab), liquid."),
    ] = ("crystal", "vacancy")
    liquid_K: Annotated[PositiveFloat, Field(description="Temperature that liquids are simulated at, K.")] = 1500.0
    strain: Annotated[
        float, Field(ge=0, le=0.3, description="Largest component of the strain of the cells that are simulated.")
    ] = 0.03
    pressure_GPa: Annotated[
        float | None, Field(description="Pressure of simulations in which the volume moves, GPa; none if not given.")
    ] = None
    force_error_meV_per_A: Annotated[
        float, Field(ge=1, description="The expected mean absolute error of force components that is wanted, meV/Å.")
    ] = 40.0
    picoseconds: Annotated[
        PositiveFloat, Field(description="How long dynamics of the crystal must be stable, at each temperature, ps.")
    ] = 20.0
    timestep_fs: Annotated[float, Field(ge=0.01, le=10, description="Time step of these dynamics, fs.")] = 2.0
    supercell: Annotated[
        int,
        Field(ge=1, le=10, description="Repeats of the cubic cell along each edge there; in hcp 3 is 5 x 5 x 3."),
    ] = 3


class Exploration(Strict):
    """Molecular dynamics by the committee, in which candidates are found."""

    walkers: Annotated[PositiveInt, Field(description="Walkers of a round, over the purpose's phases and baths.")] = 12
    picoseconds: Annotated[PositiveFloat, Field(description="How long each walks, ps.")] = 1.0
    timestep_fs: Annotated[float, Field(ge=0.01, le=10, description="Time step, fs.")] = 2.0
    every_fs: Annotated[PositiveFloat, Field(description="Time between two frames that are kept, fs.")] = 100.0
    cells: Annotated[
        tuple[Annotated[int, Field(ge=1, le=64)], ...],
        Field(
            min_length=1,
            description="Primitive cells of the supercells, of shapes drawn at random, that walkers move in, in turn.",
        ),
    ] = (4, 8)
    window: Annotated[
        tuple[PositiveFloat, PositiveFloat],
        Field(
            description="Between which errors, expected of the worst atom's force components, a frame is a candidate, "
            "in multiples of the error that is wanted. Beyond the second a walker stops."
        ),
    ] = (1.0, 6.0)
    candidates: Annotated[PositiveInt, Field(description="Candidates of a round that an acquisition sees, most.")] = 48
    bias: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="Force towards where the members' energies differ, in multiples of the force itself.",
        ),
    ] = 0.0

    @model_validator(mode="after")
    def _window_is_open(self) -> Self:
        low, high = self.window
        if low >= high:
            message = f"window: expected the lower bound first and below the upper one, got [{low:g}, {high:g}]"
            raise PydanticCustomError("window", "{message}", {"message": message})
        if self.every_fs < self.timestep_fs:
            message = f"every_fs: {self.every_fs:g} fs is less than one step of {self.timestep_fs:g} fs"
            raise PydanticCustomError("every_fs", "{message}", {"message": message})
        if self.every_fs > 1e3 * self.picoseconds:
            message = f"every_fs: {self.every_fs:g} fs is longer than the walk of {self.picoseconds:g} ps"
            raise PydanticCustomError("every_fs", "{message}", {"message": message})
        return self


class GrowthConfig(Strict):
    """One potential, grown label by label until it is good enough for its purpose."""

    name: Annotated[Name, Field(description="Name; the folder is `runs/NAME`.")]
    target: TargetPart
    source: Annotated[SourcePart, Field(description="The source committee: models of what has many labels.")]
    labeler: Annotated[LabelerPart, Field(description="What labels the structures of the target.")]
    crystal: Annotated[
        CrystalCell | None,
        Field(
            description="A prototype that walkers start from, and whose dynamics must be stable; the element's own "
            "crystal if not given. Compounds need it."
        ),
    ] = None
    purpose: Annotated[Purpose, Field(description="What the potential is for.")] = Purpose()
    labels: Annotated[PositiveInt, Field(description="Labels to train with, at most.")] = 16
    core_hours: Annotated[
        PositiveFloat | None, Field(description="Core-hours to spend on labels, about; no limit if not given.")
    ] = None
    batch: Annotated[PositiveInt, Field(description="Labels of a round.")] = 4
    drawn: Annotated[
        PositiveInt,
        Field(
            description="Of these, drawn at random from all frames that walkers came by: what the expected error is "
            "calibrated on. The acquisition selects the others. The first batch is drawn in whole."
        ),
    ] = 2
    arm: Annotated[ArmPart, Field(description="How the models start.")] = RescaledArm()
    acquisition: Annotated[AcquisitionPart, Field(description="How structures to label are selected.")] = (
        VarianceReductionAcquisition(per_cost=True)
    )
    exploration: Annotated[Exploration, Field(description="How candidates are found.")] = Exploration()
    starts: Annotated[
        Labelled | None,
        Field(description="Structures that walkers start from instead of made ones; their labels are not read."),
    ] = None
    test: Annotated[
        Labelled | None, Field(description="A frozen, labelled test set; errors are only expected ones if not given.")
    ] = None
    seed: Annotated[int, Field(ge=0, description="Of starts, dynamics, random draws and weights.")] = 0
    committee: Annotated[int, Field(ge=2, le=64, description="Models of the committee.")] = 4
    training: Annotated[Training, Field(description="How the models are trained.")] = Training()
    store: Annotated[
        StoreURL | None,
        Field(description="PostgreSQL data base of the labels; `labels.db` in the folder if not given."),
    ] = None
    max_failed_share: Annotated[
        float, Field(ge=0, le=1, description="Growing stops when more than this share of its labels failed.")
    ] = 0.3
    site: Site = LocalSite()
    device: Device = "auto"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        message = ""
        if self.drawn > self.batch:
            message = f"drawn: {self.drawn} random labels do not fit into a batch of {self.batch}"
        elif self.arm.own_source is not None:
            message = "arm.source: a growth has one source; name this committee under source instead"
        elif self.source.kind == "pretrain" and self.committee > self.source.committee:
            has = self.source.committee
            message = f"committee of {self.committee} needs as many source models, the source has {has}"
        if message:
            raise PydanticCustomError("growth", "{message}", {"message": message})
        return self
