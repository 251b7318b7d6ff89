"""What is tried again and what is not."""

import errno
import os

import pytest
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from al_core.errors import ConfigError, LabelError, SelectionError, StoreError, TrainingError, WorkerError
from flows.runtime.retries import may_pass, retry_if_it_may_pass


def _os_error(code: int) -> OSError:
    return OSError(code, os.strerror(code), "labels.db")


PASSES = [
    WorkerError("a worker process was killed"),
    LabelError("out of time", transient=True),
    StoreError("database is locked", transient=True),
    _os_error(errno.ESTALE),
    _os_error(errno.EBUSY),
]
STAYS = [
    TrainingError("diverged"),
    ConfigError("unknown key"),
    SelectionError("the pool is empty"),
    LabelError("does not converge"),
    StoreError("of another version"),
    _os_error(errno.ENOSPC),
    _os_error(errno.EACCES),
    KeyError("a fault of the program"),
]


@pytest.mark.parametrize(("error", "expected"), [*((e, True) for e in PASSES), *((e, False) for e in STAYS)], ids=repr)
def test_only_what_may_pass_is_tried_again(error: Exception, expected: bool) -> None:
    assert may_pass(error) is expected
    failed: State[None] = Failed(data=error)
    assert retry_if_it_may_pass(None, None, failed) is expected  # type: ignore[arg-type]


def test_what_succeeded_is_not_tried_again() -> None:
    assert not retry_if_it_may_pass(None, None, Completed(data=1))  # type: ignore[arg-type]


def test_every_task_asks_before_it_is_tried_again() -> None:
    from prefect import Task

    from flows import tasks

    found = [value for value in vars(tasks).values() if isinstance(value, Task)]
    assert len(found) >= 5
    assert all(task.retry_condition_fn is retry_if_it_may_pass for task in found)
