"""Settings of the labeler that runs other codes by ASE's calculators, and what is known of each code."""

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.base import KIND, PositiveFloat, PositiveInt, Strict, UserPath, nearest
from al_core.config.launcher import Launcher


@dataclass(frozen=True)
class Code:
    """What is known of a code beside ASE's calculator of it.

    Attributes:
        calculator: ``module:class`` of the calculator.
        programs: that may be run, found on PATH; none where the code is a Python package.
        package: that distribution, whose version is the code's.
        folders: names under which ASE is told where files of the code are.
        files: what each element has at least one of in the first of them; ``{}`` stands for its symbol.
        command: the calculator's argument for the command; where it has none, ASE's configuration tells it.
        always: parameters that forces and stress need.
        unconverged: what the output says of a calculation that did not reach self-consistency.
    """

    calculator: str
    programs: tuple[str, ...] = ()
    package: str = ""
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    command: str = ""
    always: dict[str, Any] = field(default_factory=dict)
    unconverged: str = ""


CODES = {
    "abinit": Code("ase.calculators.abinit:Abinit", ("abinit",), folders=("pp_paths",)),
    "aims": Code(
        "ase.calculators.aims:Aims", ("aims.x",), folders=("default_species_directory",), files=("*_{}_default",)
    ),
    "castep": Code(
        "ase.calculators.castep:Castep",
        ("castep.mpi", "castep.serial"),
        folders=("CASTEP_PP_PATH",),
        command="castep_command",
        unconverged="system has not reached the groundstate",
    ),
    "cp2k": Code(
        "ase.calculators.cp2k:CP2K",
        ("cp2k_shell", "cp2k_shell.psmp", "cp2k_shell.ssmp"),
        command="command",
        unconverged="SCF run NOT converged",
    ),
    "dftb": Code("ase.calculators.dftb:Dftb", ("dftb+",), folders=("DFTB_PREFIX",), unconverged="SCC is NOT converged"),
    "espresso": Code(
        "ase.calculators.espresso:Espresso",
        ("pw.x",),
        folders=("pseudo_dir",),
        always={"input_data": {"control": {"tprnfor": True, "tstress": True}}},
        unconverged="convergence NOT achieved",
    ),
    "orca": Code("ase.calculators.orca:ORCA", ("orca",), unconverged="SCF NOT CONVERGED"),
    "siesta": Code("ase.calculators.siesta:Siesta", ("siesta",), folders=("pseudo_path",), files=("{}.*",)),
    "tblite": Code("tblite.ase:TBLite", package="tblite", always={"verbosity": 0}),
    "vasp": Code(
        "ase.calculators.vasp:Vasp",
        ("vasp_std", "vasp_gam", "vasp_ncl"),
        folders=("VASP_PP_PATH",),
        files=("**/{}/POTCAR*", "**/{}[_.]*/POTCAR*"),
        command="command",
    ),
}
_OURS = ("atoms", "calculator", "command", "directory", "label", "outdir", "profile", "restart", "txt", "wfcdir")
_PATH = re.compile(r"""(^|["'\s=])[/~\\]|\.\.""")
_PROGRAM = re.compile("ExtOpt|ProgExt|%compound", re.IGNORECASE)  # of ORCA


def _known(name: Any) -> Any:
    if name not in CODES:
        own = "; GPAW is a kind of its own: labeler: gpaw" if name == "gpaw" else nearest(str(name), list(CODES))
        message = f"unknown calculator {name!r}{own}"
        raise PydanticCustomError("calculator", "{message}", {"message": message})
    return name


class ASELabeler(Strict):
    """Any code that ASE has a calculator of. `calculator`, `parameters` and what their files hold decide the label."""

    kind: Annotated[Literal["ase"], KIND] = "ase"
    calculator: Annotated[
        str,
        BeforeValidator(_known),
        Field(description=f"The code, by ASE's name: {', '.join(f'`{c}`' for c in CODES)}."),
    ]
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="Parameters of ASE's calculator, such as `kpts`. Names of files are looked for in `folders`.",
    )
    folders: dict[str, UserPath] = Field(
        default_factory=dict,
        description="Where files of the code are on this machine, by ASE's name, such as `pseudo_dir` of "
        "`espresso`; by ASE's own configuration if not given.",
    )
    program: Annotated[
        str | None, Field(description="The program, if there are several: one that Graft knows, found on PATH.")
    ] = None
    launcher: Annotated[
        Launcher | None,
        Field(description="Command that starts several processes of it, such as `mpiexec -n {processes}`."),
    ] = None
    processes: Annotated[PositiveInt, Field(description="Processes of a label, one a core.")] = 1
    timeout_s: Annotated[PositiveFloat, Field(description="Time limit of one attempt, s.")] = 3600.0
    memory_limit_MB: Annotated[
        Annotated[int, Field(ge=200)] | None, Field(description="Memory limit of a process, MB. None if not given.")
    ] = None

    @model_validator(mode="after")
    def _runs_only_what_is_known(self) -> Self:
        code, message = self.code, ""
        if self.program and self.program not in code.programs:
            message = f"program {self.program!r}: expected {_either(code.programs) or 'none: it is a Python package'}"
        elif unknown := sorted(set(self.folders) - set(code.folders)):
            message = f"folders.{unknown[0]}: {self.calculator} has {_either(code.folders) or 'no folders'}"
        elif self.processes > 1 and (self.launcher is None or not code.programs):
            message = "processes: more than one need a program and a launcher, such as 'mpiexec -n {processes}'"
        elif wrong := _wrong_parameter(self.parameters):
            message = f"parameters.{wrong}"
        if message:
            raise PydanticCustomError("code", "{message}", {"message": message})
        return self

    @property
    def code(self) -> Code:
        """What is known of the code."""
        return CODES[self.calculator]

    @property
    def command(self) -> str:
        """The command that ASE runs; empty where the code is a Python package."""
        if not self.code.programs:
            return ""
        program = self.program or self.code.programs[0]
        return f"{self.launcher.format(processes=self.processes)} {program}" if self.launcher else program


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(names)


def _wrong_parameter(parameters: Any, where: str = "") -> str:
    """Return which parameter is refused and why, or ''; those are that name a file outside, or what Graft sets."""
    if isinstance(parameters, dict):
        for key, value in parameters.items():
            if str(key).lower() in _OURS:
                return f"{where}{key}: Graft sets it; leave it out"
            if wrong := _wrong_parameter(value, f"{where}{key}."):
                return wrong
    elif isinstance(parameters, list):
        return next(filter(None, (_wrong_parameter(one, where) for one in parameters)), "")
    elif isinstance(parameters, str) and _PATH.search(parameters):
        return f"{where.rstrip('.')}: got {parameters!r}, a path; give the file's name, and its folder in folders"
    elif isinstance(parameters, str) and (program := _PROGRAM.search(parameters)):
        return f"{where.rstrip('.')}: {program[0]} runs another program; leave it out"
    elif isinstance(parameters, str) and re.fullmatch(r"[-+]?\d+[eE][-+]?\d+", parameters):
        return f"{where.rstrip('.')}: got {parameters!r}, which is text to YAML; with a point it is a number: 1.0e-9"
    return ""
