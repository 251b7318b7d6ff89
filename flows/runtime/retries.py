"""Which failures are worth another try: those that may pass by themselves."""

from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun

from al_core.errors import HESITATING, GraftError


def may_pass(error: BaseException) -> bool:
    """Return whether the same call may succeed when it is tried again.

    A worker was killed, a label store was locked or a file system hesitated: yes. A training diverged, a config is
    wrong, the disk is full: no.
    """
    if isinstance(error, GraftError):
        return error.transient
    return isinstance(error, OSError) and error.errno in HESITATING


def retry_if_it_may_pass(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    """Return whether Prefect retries a failed task: its ``retry_condition_fn``."""
    try:
        state.result()
    except Exception as error:  # the question is which one
        return may_pass(error)
    return False
