"""Settings of the labelers."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.base import Name, PositiveFloat, PositiveInt, Strict, UserPath, kinds


class Rung(Strict):
    """Another way to self-consistency, for structures that do not reach it; the label is the same."""

    smearing_eV: Annotated[float, Field(gt=0, le=5)] | None = None  # converged with it first, then with the label's own
    mixing: Annotated[float, Field(gt=0, le=1)] | None = None  # share of the new density; GPAW's default is 0.05
    eigensolver: Literal["davidson", "rmm-diis", "ppcg"] | None = None


class Parallel(Strict):
    """How a large cell is computed by several processes, which share k-points, plane waves and space."""

    launcher: str = "mpiexec -n {processes}"  # or srun; it gets the program to run behind it
    processes: Annotated[int, Field(ge=2)] = 2
    from_atoms: PositiveInt = 32  # smaller cells go faster one a core

    @field_validator("launcher")
    @classmethod
    def _is_a_command(cls, launcher: str) -> str:
        left = launcher.replace("{processes}", "")
        if not left.strip() or "{" in left or "}" in left:
            message = "expected a command such as 'mpiexec -n {processes}', got " + repr(launcher)
            raise PydanticCustomError("launcher", "{message}", {"message": message})
        return launcher


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
    """Plane-wave DFT with GPAW. All but ``preset``, ``ladder``, ``parallel`` and the limits is part of a label's key.

    The defaults are those of the preset ``standard``; what is given beside a preset goes before it.
    """

    kind: Literal["gpaw"] = "gpaw"
    preset: Annotated[Literal["fast", "standard", "tight"], Field(exclude=True)] = "standard"
    xc: Literal["PBE", "LDA", "revPBE", "RPBE"] = "PBE"
    cutoff_eV: Annotated[float, Field(ge=100, le=2000)] = 250.0
    kpt_density: Annotated[float, Field(ge=0.5, le=20)] = 4.3  # points per Å^-1, at least
    kpt_even: bool = False  # only even numbers of points along each axis: none at gamma
    smearing: Literal["fermi-dirac", "marzari-vanderbilt", "methfessel-paxton"] = "fermi-dirac"
    smearing_eV: Annotated[float, Field(gt=0, le=1)] = 0.1  # its width
    bands_percent: Annotated[int, Field(ge=105, le=400)] = 125  # of the occupied bands
    grid_spacing_A: Annotated[float, Field(ge=0.05, le=0.5)] | None = None  # of the density; else from the cutoff
    density_convergence: PositiveFloat = 1e-4  # electrons per valence electron
    energy_convergence_eV: PositiveFloat = 5e-4  # per valence electron
    max_scf_steps: PositiveInt = 100
    timeout_s: PositiveFloat = 3600.0
    memory_limit_MB: Annotated[int, Field(ge=200)] | None = None  # of a process
    parallel: Parallel | None = None  # large cells on several cores; needs MPI, see graft doctor
    ladder: tuple[Rung, ...] = (Rung(smearing_eV=0.5, mixing=0.02), Rung(mixing=0.02, eigensolver="rmm-diis"))

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

    kind: Literal["stillinger_weber"] = "stillinger_weber"
    three_body: PositiveFloat = 1.0  # of the published strength of the three-body term


class EMTLabeler(Strict):
    """Effective medium theory of Al, Cu, Ag, Au, Ni, Pd, Pt and their alloys."""

    kind: Literal["emt"] = "emt"


class DatasetLabeler(Strict):
    """Labels looked up in an extxyz file."""

    kind: Literal["dataset"] = "dataset"
    path: UserPath
    energy_key: str = "REF_energy"
    forces_key: str = "REF_forces"
    stress_key: str | None = None


class BundledLabeler(Strict):
    """Labels of a data set shipped with Graft."""

    kind: Literal["bundled"] = "bundled"
    name: Name


class ImportedLabeler(Strict):
    """Labels that were put into the store with ``graft label --import``."""

    kind: Literal["imported"] = "imported"
    theory: Annotated[str, Field(min_length=1, max_length=200)]


AnyLabeler = GPAWLabeler | StillingerWeberLabeler | EMTLabeler | DatasetLabeler | BundledLabeler | ImportedLabeler
LabelerPart = Annotated[
    AnyLabeler,
    Field(discriminator="kind"),
    kinds("gpaw", "stillinger_weber", "emt", "dataset", "bundled", "imported"),
]
