"""The commands that may start a label's processes.

The parameters of a deployment can set the command, so it names no program but a launcher of MPI, which is found on the
worker's PATH, and options that make it start none. Other settings of a launcher go into its environment variables.
"""

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

LAUNCHERS = ("mpiexec", "mpirun", "srun")
_COUNTS = ("-n", "-np", "--ntasks", "-N", "--nodes", "-c", "--cpus-per-task")
_WORDS = ("--bind-to", "--map-by", "--cpu-bind", "--hint", "--mpi", "--mem", "--mem-per-cpu")
_SWITCHES = ("--exact", "--exclusive", "--overlap", "--oversubscribe", "--allow-run-as-root")
_OPTION = "|".join(
    [
        rf"(?:{'|'.join(_COUNTS)})[ =](?:\d+|\{{processes\}})",
        rf"(?:{'|'.join(_WORDS)})[ =][A-Za-z0-9_:,]+",
        *_SWITCHES,
    ]
)
_COMMAND = re.compile(rf"(?:{'|'.join(LAUNCHERS)})(?: (?:{_OPTION}))*")


def _starts_no_other_program(command: str) -> str:
    if not _COMMAND.fullmatch(command):
        message = (
            f"got {command!r}, expected {', '.join(LAUNCHERS[:-1])} or {LAUNCHERS[-1]}, without a path, with options "
            f"of {', '.join((*_COUNTS, *_WORDS, *_SWITCHES))}, such as 'mpiexec -n {{processes}}'; "
            "put other settings of the launcher into its environment variables"
        )
        raise PydanticCustomError("launcher", "{message}", {"message": message})
    return command


Launcher = Annotated[str, AfterValidator(_starts_no_other_program)]
