"""Settings of the labelers."""

from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from ase.data import chemical_symbols
from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.base import KIND, Name, PositiveFloat, PositiveInt, Strict, kinds
from al_core.config.codes import CODES, ASELabeler
from al_core.config.launcher import Launcher
from al_core.config.structures import LabelledFile

_LARGEST_MOMENT = 10  # Bohr magnetons


class Rung(Strict):
    """Another route to self-consistency, for structures that do not reach it by the first; the label is the same."""

    smearing_eV: Annotated[
        Annotated[float, Field(gt=0, le=5)] | None,
        Field(description="Width of the smearing that is converged first, eV. The label's own follows from there."),
    ] = None
    mixing: Annotated[
        Annotated[float, Field(gt=0, le=1)] | None,
        Field(description="Share of the new density that is mixed in. GPAW's default is 0.05."),
    ] = None
    eigensolver: Annotated[
        Literal["davidson", "rmm-diis", "ppcg"] | None, Field(description="GPAW's solver of the Kohn-Sham equations.")
    ] = None


class Parallel(Strict):
    """How a large cell is computed by several processes, which share k-points, plane waves and space."""

    launcher: Annotated[
        Launcher,
        Field(
            description="Command that starts them: `mpiexec`, `mpirun` or `srun`, found on PATH, with options. "
            "The parameters of a deployment can set it, so it can name no other program."
        ),
    ] = "mpiexec -n {processes}"
    processes: Annotated[int, Field(ge=2, description="Processes of a label, one a core.")] = 2
    from_atoms: Annotated[PositiveInt, Field(description="Smaller cells are computed by one process.")] = 32


def _spin(spin: Any) -> Any:
    good = isinstance(spin, dict) and all(
        symbol in chemical_symbols[1:] and type(moment) in (int, float) and 0 < abs(moment) <= _LARGEST_MOMENT
        for symbol, moment in spin.items()
    )
    if spin != "paired" and not (spin and good):
        message = (
            f"got {spin!r}, expected paired, or a moment for each element that has one (not 0, and at most "
            f"{_LARGEST_MOMENT} Bohr magnetons), such as {{Fe: 2.2}}"
        )
        raise PydanticCustomError("spin", "{message}", {"message": message})
    return spin


# What a label is of, by purpose: docs/results/convergence.md says how far each is from tight labels
PRESETS: dict[str, dict[str, Any]] = {
    "fast": {"kpt_density": 3.4, "kpt_even": True},
    "standard": {},
    "tight": {
        "cutoff_eV": 400.0,
        "kpt_density": 4.5,
        "kpt_even": True,
        "density_convergence": 1e-6,
        "energy_convergence_eV": 1e-6,
    },
}


class GPAWLabeler(Strict):
    """Plane-wave DFT with GPAW. All but `preset`, `ladder`, `parallel` and the limits is part of a label's key.

    The defaults are those of the preset `standard`. What is given beside a preset goes before it.
    """

    later: ClassVar[tuple[str, ...]] = ("spin",)

    kind: Annotated[Literal["gpaw"], KIND] = "gpaw"
    preset: Annotated[
        Literal["fast", "standard", "tight"],
        Field(exclude=True, description="Settings by purpose; docs/results/convergence.md has their errors and costs."),
    ] = "standard"
    xc: Annotated[Literal["PBE", "LDA", "revPBE", "RPBE"], Field(description="Exchange-correlation functional.")] = (
        "PBE"
    )
    cutoff_eV: Annotated[float, Field(ge=100, le=2000, description="Cutoff of the plane waves, eV.")] = 250.0
    kpt_density: Annotated[
        float, Field(ge=0.5, le=20, description="k-points per Å^-1 of reciprocal length (2π included), at least.")
    ] = 4.3
    kpt_even: Annotated[
        bool, Field(description="Only even numbers of k-points along each axis; then none is at gamma.")
    ] = False
    smearing: Annotated[
        Literal["fermi-dirac", "marzari-vanderbilt", "methfessel-paxton"],
        Field(description="Distribution of the occupations."),
    ] = "fermi-dirac"
    smearing_eV: Annotated[float, Field(gt=0, le=1, description="Width of the smearing, eV.")] = 0.1
    bands_percent: Annotated[
        int, Field(ge=105, le=400, description="Bands that are computed, in percent of the occupied ones.")
    ] = 125
    grid_spacing_A: Annotated[
        Annotated[float, Field(ge=0.05, le=0.5)] | None,
        Field(description="Spacing of the density's grid, Å. From the cutoff if not given."),
    ] = None
    density_convergence: Annotated[
        PositiveFloat, Field(description="Change of the density at convergence, electrons per valence electron.")
    ] = 1e-4
    energy_convergence_eV: Annotated[
        PositiveFloat, Field(description="Change of the energy at convergence, eV per valence electron.")
    ] = 5e-4
    spin: Annotated[
        Literal["paired"] | dict[str, float],
        BeforeValidator(_spin),
        Field(
            description="`paired`, or the magnetic moments that a spin-polarised calculation starts from: for each "
            "element that has one, in Bohr magnetons, such as `{Fe: 2.2}`."
        ),
    ] = "paired"
    max_scf_steps: Annotated[PositiveInt, Field(description="Steps towards self-consistency, at most.")] = 100
    timeout_s: Annotated[PositiveFloat, Field(description="Time limit of one attempt, s.")] = 3600.0
    memory_limit_MB: Annotated[
        Annotated[int, Field(ge=200)] | None, Field(description="Memory limit of a process, MB. None if not given.")
    ] = None
    parallel: Annotated[
        Parallel | None,
        Field(description="Several processes for a large cell. They need MPI, which `graft doctor` looks for."),
    ] = None
    ladder: Annotated[
        tuple[Rung, ...],
        Field(description="Other routes to self-consistency, tried in turn where a structure does not reach it."),
    ] = (Rung(smearing_eV=0.5, mixing=0.02), Rung(mixing=0.02, eigensolver="rmm-diis"))

    @model_validator(mode="before")
    @classmethod
    def _of_a_preset(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("preset"), str):
            return {**PRESETS.get(data["preset"], {}), **data}
        return data

    def varied(self, key: str, value: Any) -> Self:
        """Return the settings with another value of one of them, validated."""
        return type(self).model_validate({**self.model_dump(), key: value})


class StillingerWeberLabeler(Strict):
    """The Stillinger-Weber potential of Si or Ge."""

    later: ClassVar[tuple[str, ...]] = ("three_body",)

    kind: Annotated[Literal["stillinger_weber"], KIND] = "stillinger_weber"
    three_body: Annotated[
        PositiveFloat, Field(description="Strength of the three-body term, in units of the published one.")
    ] = 1.0


class EMTLabeler(Strict):
    """Effective medium theory of Al, Cu, Ag, Au, Ni, Pd, Pt and their alloys."""

    kind: Annotated[Literal["emt"], KIND] = "emt"


class CHGNetLabeler(Strict):
    """CHGNet, a foundation model of most elements, as it is; `pip install graft-mlip[foundation]`."""

    kind: Annotated[Literal["chgnet"], KIND] = "chgnet"
    model: Annotated[
        Literal["0.3.0", "0.2.0", "r2scan"],
        Field(description="Which of the models that its package ships: two of PBE energies, one of r2SCAN energies."),
    ] = "0.3.0"

    @property
    def title(self) -> str:
        """What tables and figures call it."""
        return f"CHGNet {self.model}"


class DatasetLabeler(LabelledFile):
    """Labels looked up in an extxyz file."""

    kind: Annotated[Literal["dataset"], KIND] = "dataset"


class BundledLabeler(Strict):
    """Labels of a data set shipped with Graft."""

    kind: Annotated[Literal["bundled"], KIND] = "bundled"
    name: Annotated[Name, Field(description="Name of the data set.")]


class ImportedLabeler(Strict):
    """Labels that were put into the store with `graft label --import`."""

    kind: Annotated[Literal["imported"], KIND] = "imported"
    theory: Annotated[
        str, Field(min_length=1, max_length=200, description="Name of their level of theory, as given at the import.")
    ]


AnyLabeler = (
    GPAWLabeler
    | ASELabeler
    | StillingerWeberLabeler
    | EMTLabeler
    | CHGNetLabeler
    | DatasetLabeler
    | BundledLabeler
    | ImportedLabeler
)
LabelerPart = Annotated[
    AnyLabeler,
    Field(discriminator="kind"),
    kinds(
        *(settings.model_fields["kind"].default for settings in get_args(AnyLabeler)),
        instead={code: f"{{kind: ase, calculator: {code}}}" for code in CODES},
    ),
]


def labeler_title(settings: AnyLabeler) -> str:
    """Return what tables and figures call a labeler: its title, or its kind."""
    return str(getattr(settings, "title", settings.kind))
