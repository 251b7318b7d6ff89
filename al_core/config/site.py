"""Where a study computes."""

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.base import KIND, PositiveFloat, PositiveInt, Strict, UserPath, kinds, written


class LocalSite(Strict):
    """Processes of this machine, one thread each."""

    elsewhere: ClassVar[bool] = False  # whether workers may be of other machines

    kind: Annotated[Literal["local"], KIND] = "local"
    workers: Annotated[
        int, Field(ge=0, description="Processes at once, for labels and for training; 0 is one for each core.")
    ] = 0


class InlineSite(Strict):
    """The process of the flow itself, one function after the other."""

    elsewhere: ClassVar[bool] = False

    kind: Annotated[Literal["inline"], KIND] = "inline"


class DaskSite(Strict):
    """A Dask cluster that is there. Every worker runs as many functions at once as it has threads, in processes."""

    kind: Annotated[Literal["dask"], KIND] = "dask"
    address: Annotated[
        str,
        Field(
            pattern=written(r"^(tcp|tls)://[^\s/]+:[0-9]+$", "tls://host:port, or on this machine tcp://host:port"),
            description="Of the scheduler: `tls://host:8786`, here also `tcp://`.",
        ),
    ]
    certificates: Annotated[
        UserPath | None,
        Field(description="Folder of `graft site certificates`, which encrypts what is sent and says who may join."),
    ] = None
    wait_minutes: Annotated[
        PositiveFloat, Field(description="How long to wait for the first worker; then the run ends with an error.")
    ] = 2.0

    @model_validator(mode="after")
    def _closed_to_others(self) -> Self:
        protocol, message = self.address.partition("://")[0], ""
        if protocol == "tls" and self.certificates is None:
            message = f"address: {self.address} needs certificates: the folder that `graft site certificates` made"
        elif protocol == "tcp" and self.certificates is not None:
            message = f"address: {self.address} is not encrypted; with certificates it begins with tls://"
        elif protocol == "tcp" and self.elsewhere:
            message = (
                f"address: whoever reaches {self.address} can run programs as you; start scheduler and workers with "
                "the certificates of `graft site certificates` and give a tls:// address"
            )
        if message:
            raise PydanticCustomError("site", "{message}", {"message": message})
        return self

    @property
    def elsewhere(self) -> bool:
        """Whether workers may be of other machines."""
        host = self.address.partition("://")[2].rpartition(":")[0]
        return host.strip("[]") not in ("localhost", "127.0.0.1", "::1")


def _time(value: Any) -> Any:
    """Return what YAML takes for a number to the base of 60, 04:00:00 without quotes, as it was written."""
    if not isinstance(value, int):
        return value
    return f"{value // 3600:02d}:{value // 60 % 60:02d}:{value % 60:02d}"


class Jobs(Strict):
    """Jobs of a queue. Each is one Dask worker."""

    queue: Annotated[str | None, Field(description="Queue or partition; the queueing system's own if not given.")] = (
        None
    )
    account: Annotated[str | None, Field(description="Account or project that is charged.")] = None
    cores: Annotated[PositiveInt, Field(description="Cores of a job: so many functions run in it at once.")]
    memory: Annotated[
        str,
        Field(
            pattern=written(r"^[1-9][0-9]* ?[KMGT]i?B$", "a number and KB, MB, GB or TB, such as 64GB"),
            description="Memory of a job: `64GB`.",
        ),
    ]
    walltime: Annotated[
        str,
        Field(
            pattern=written(r"^[0-9]{1,3}:[0-5][0-9]:[0-5][0-9]$", "HH:MM:SS, such as 04:00:00"),
            description="Time of a job, `HH:MM:SS`. Its worker leaves some minutes before, and another job takes over.",
        ),
        BeforeValidator(_time),
    ]
    jobs: Annotated[
        tuple[Annotated[int, Field(ge=0)], PositiveInt],
        Field(description="Fewest and most jobs at once; between them as many as there is work for."),
    ] = (0, 4)
    prologue: Annotated[
        tuple[str, ...], Field(description="Lines of shell before the worker starts: `module load gcc`.")
    ] = ()
    extra: Annotated[tuple[str, ...], Field(description="Further directives: `--gres=gpu:1`.")] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.jobs[0] > self.jobs[1]:
            message = f"jobs: the fewest, {self.jobs[0]}, are more than the most, {self.jobs[1]}"
            raise PydanticCustomError("jobs", "{message}", {"message": message})
        if not self.walltime.strip("0:"):
            raise PydanticCustomError("walltime", "walltime: a job needs some time")
        return self

    @property
    def megabytes_per_core(self) -> float:
        """What each of its cores has, MB."""
        number, unit = re.fullmatch(r"([0-9]+) ?([KMGT]i?)B", self.memory).groups()  # type: ignore[union-attr]
        scale = (1024 if unit.endswith("i") else 1000) ** ("KMGT".index(unit[0]) + 1)
        return float(int(number) * scale / 1e6 / self.cores)


class _Queue(Strict):
    elsewhere: ClassVar[bool] = True

    dft: Annotated[Jobs, Field(description="Jobs that label.")]
    training: Annotated[
        Jobs | None, Field(description="Jobs that train, select and evaluate; the machine of the flow if not given.")
    ] = None
    interface: Annotated[
        str | None,
        Field(description="Network by which jobs reach this machine: `ib0`; the default one if not given."),
    ] = None


class SlurmSite(_Queue):
    """Jobs of Slurm, started and ended as there is work; the flow runs where `sbatch` does."""

    kind: Annotated[Literal["slurm"], KIND] = "slurm"


class PBSSite(_Queue):
    """Jobs of PBS, as those of Slurm."""

    kind: Annotated[Literal["pbs"], KIND] = "pbs"


class LSFSite(_Queue):
    """Jobs of LSF, as those of Slurm."""

    kind: Annotated[Literal["lsf"], KIND] = "lsf"


class SGESite(_Queue):
    """Jobs of Grid Engine, as those of Slurm."""

    kind: Annotated[Literal["sge"], KIND] = "sge"


QueueSite = SlurmSite | PBSSite | LSFSite | SGESite
AnySite = LocalSite | InlineSite | DaskSite | QueueSite


def _local_if_not_said(value: Any) -> Any:
    return {"kind": "local", **value} if isinstance(value, dict) else value


Site = Annotated[
    AnySite,
    Field(discriminator="kind", description="Where functions run; `local` if no kind is given."),
    kinds("local", "inline", "dask", "slurm", "pbs", "lsf", "sge"),
    BeforeValidator(_local_if_not_said),
]
