"""A launcher can start the processes of a label, and no other program."""

import pytest
from pydantic import ValidationError

from al_core.config.labelers import Parallel


@pytest.mark.parametrize(
    "command",
    [
        "mpiexec -n {processes}",
        "mpirun -np {processes} --bind-to core --map-by ppr:2:socket --oversubscribe",
        "srun",
        "srun --ntasks={processes} --cpus-per-task=1 --mpi=pmix --mem 0 --exact",
    ],
)
def test_a_known_launcher_with_known_options_is_taken_as_it_is(command: str) -> None:
    assert Parallel(launcher=command).launcher == command


@pytest.mark.parametrize(
    "command",
    [
        "",
        "sh -c 'touch /tmp/owned'",
        "/tmp/mpiexec -n {processes}",
        "./mpiexec -n {processes}",
        "mpiexec -n {processes} sh",
        "mpiexec -n 1 touch owned : -n {processes}",
        "mpiexec -n {processes} -launcher-exec /tmp/owned",
        "mpirun --mca plm_rsh_agent /tmp/owned -np {processes}",
        "mpirun --bind-to core sh",
        "srun --task-prolog=/tmp/owned",
        "srun --mpi=/tmp/owned",
        "mpiexec -n {processes}; touch owned",
        "mpiexec -n $(touch owned)",
        "mpiexec -n {processes}\nsh",
        "mpiexec -n {cores}",
        "mpiexec -n {processes.__class__}",
    ],
)
def test_any_other_command_is_refused(command: str) -> None:
    with pytest.raises(ValidationError, match="expected mpiexec, mpirun or srun, without a path, with options of -n,"):
        Parallel(launcher=command)
