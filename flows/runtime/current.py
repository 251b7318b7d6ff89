"""The runner of the current flow run, and the threads in which its tasks wait for it."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from prefect.context import FlowRunContext
from prefect.task_runners import ThreadPoolTaskRunner

from al_core.errors import GraftError
from flows.runtime.own_server import kept_alive
from flows.runtime.runner import Runner

_RUNNER: ContextVar[Runner] = ContextVar("runner")


def current_runner() -> Runner:
    """Return the runner of the flow run that this task belongs to.

    Prefect starts every task with a copy of its flow's context, so that flow runs in one process share nothing.
    """
    return _RUNNER.get()


@contextlib.contextmanager
def running(runner: Runner) -> Iterator[Runner]:
    """Let the tasks of the current flow run use a runner while the block lasts.

    What fails in the block is marked as a failure of a run: it is no bad input, which is found before.
    As many tasks wait at once as are worth submitting; Prefect's own default is a thread for every task.
    """
    flow_run = FlowRunContext.get()
    if flow_run is None:
        raise RuntimeError("expected to be inside a flow run")
    threads: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=runner.submitted_at_once)
    with threads, flow_run.model_copy(update={"task_runner": threads}), kept_alive(), runner:
        token = _RUNNER.set(runner)
        try:
            yield runner
        except GraftError as error:
            error.in_run = True
            raise
        finally:
            _RUNNER.reset(token)
