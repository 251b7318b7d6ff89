"""The evaluations: what is measured on a trained committee."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from al_core.config.base import KIND, PositiveFloat, PositiveInt, Strict, kinds

Phase = Literal["diamond", "fcc", "hcp", "bcc", "sc", "beta_tin"]
Supercell = Annotated[
    int, Field(ge=1, le=10, description="Repeats of the cubic cell along each edge; in hcp 2 is 3 x 3 x 2.")
]


class ErrorsEvaluation(Strict):
    """Errors of forces, energies, stresses and pressure on the test set, by slice and as means over slices."""

    kind: Annotated[Literal["errors"], KIND] = "errors"


class LatticeEvaluation(Strict):
    """Lattice constants, bulk modulus and its derivative; energies of other phases against the crystal."""

    kind: Annotated[Literal["lattice"], KIND] = "lattice"
    phases: Annotated[
        tuple[Phase, ...], Field(description="The other phases, each at the volume of its least energy.")
    ] = ("diamond", "beta_tin", "fcc", "bcc", "sc")


class ElasticEvaluation(Strict):
    """Elastic constants, relaxed, and whether the crystal is stable (Born)."""

    kind: Annotated[Literal["elastic"], KIND] = "elastic"
    strain: Annotated[float, Field(gt=0, le=0.05, description="The largest strain.")] = 0.005


class PhononsEvaluation(Strict):
    """Frequencies at points of high symmetry, and the share of imaginary modes, by finite displacements."""

    kind: Annotated[Literal["phonons"], KIND] = "phonons"
    supercell: Supercell = 2
    displacement_A: Annotated[float, Field(gt=0, le=0.2, description="How far an atom is displaced, Å.")] = 0.01


class DefectsEvaluation(Strict):
    """Formation energies of a vacancy and of a split interstitial, relaxed; of a compound a bound pair of vacancies."""

    later: ClassVar[tuple[str, ...]] = ("which",)

    kind: Annotated[Literal["defects"], KIND] = "defects"
    supercell: Supercell = 2
    which: Annotated[
        tuple[Literal["vacancy", "interstitial"], ...], Field(min_length=1, description="The defects.")
    ] = ("vacancy", "interstitial")


class SurfacesEvaluation(Strict):
    """Energies of (100), (110) and (111), of hcp (0001) and (10-10), relaxed, not reconstructed; if polar, none."""

    kind: Annotated[Literal["surfaces"], KIND] = "surfaces"
    thickness_A: Annotated[float, Field(ge=5, le=100, description="The least thickness of the slabs, Å.")] = 16.0


class StabilityEvaluation(Strict):
    """Molecular dynamics from the crystal: the share of walkers that are stable, by ensemble and temperature."""

    later: ClassVar[tuple[str, ...]] = ("first_member",)

    kind: Annotated[Literal["stability"], KIND] = "stability"
    temperatures_K: Annotated[
        tuple[PositiveFloat, ...], Field(min_length=1, description="Temperatures, below melting, K.")
    ] = (300.0, 900.0)
    ensembles: Annotated[
        tuple[Literal["nvt", "nve"], ...], Field(min_length=1, description="Langevin's, or constant energy.")
    ] = ("nvt", "nve")
    walkers: Annotated[PositiveInt, Field(description="Walkers of each ensemble and temperature.")] = 3
    picoseconds: Annotated[PositiveFloat, Field(description="How long each walks, ps.")] = 2.0
    timestep_fs: Annotated[float, Field(ge=0.01, le=100, description="Time step, fs.")] = 2.0
    supercell: Supercell = 2
    first_member: Annotated[
        bool,
        Field(
            description="Whether walkers move by the committee's first model alone and not by the mean: so many times "
            "faster, and what other programs run."
        ),
    ] = False


class StructureEvaluation(Strict):
    """Structure and vibrations of the crystal at temperatures and of the melt, by molecular dynamics."""

    kind: Annotated[Literal["structure"], KIND] = "structure"
    temperatures_K: Annotated[tuple[PositiveFloat, ...], Field(description="Temperatures of the crystal, K.")] = (
        300.0,
    )
    melt_K: Annotated[
        PositiveFloat | None, Field(description="Temperature of the melt, K; without it there is none.")
    ] = None
    melt_volume: Annotated[
        float | None,
        Field(
            ge=0.5,
            le=2,
            description="Volume of the melt in the crystal's; if not given 0.93 in diamond, 1.12 in other elements.",
        ),
    ] = None
    walkers: Annotated[PositiveInt, Field(description="Walkers of each temperature, which are averaged over.")] = 2
    picoseconds: Annotated[
        float, Field(ge=0.5, description="How long properties are measured, ps, after 1 to 2 ps of equilibration.")
    ] = 5.0
    timestep_fs: Annotated[float, Field(ge=0.01, le=10, description="Time step, fs.")] = 2.0
    supercell: Supercell = 2


AnyProperties = (
    LatticeEvaluation
    | ElasticEvaluation
    | PhononsEvaluation
    | DefectsEvaluation
    | SurfacesEvaluation
    | StabilityEvaluation
    | StructureEvaluation
)
AnyEvaluation = ErrorsEvaluation | AnyProperties
EvaluationPart = Annotated[
    AnyEvaluation,
    Field(discriminator="kind"),
    kinds("errors", "lattice", "elastic", "phonons", "defects", "surfaces", "stability", "structure"),
]
Crystal = Literal["diamond", "fcc", "bcc", "sc", "hcp", "rocksalt", "zincblende"]


class PropertySettings(Strict):
    """Settings of all properties, by kind."""

    lattice: Annotated[LatticeEvaluation, Field(description="Of `--only lattice`.")] = LatticeEvaluation()
    elastic: Annotated[ElasticEvaluation, Field(description="Of `--only elastic`.")] = ElasticEvaluation()
    phonons: Annotated[PhononsEvaluation, Field(description="Of `--only phonons`.")] = PhononsEvaluation()
    defects: Annotated[DefectsEvaluation, Field(description="Of `--only defects`.")] = DefectsEvaluation()
    surfaces: Annotated[SurfacesEvaluation, Field(description="Of `--only surfaces`.")] = SurfacesEvaluation()
    stability: Annotated[StabilityEvaluation, Field(description="Of `--only stability`.")] = StabilityEvaluation()
    structure: Annotated[StructureEvaluation, Field(description="Of `--only structure`.")] = StructureEvaluation()
