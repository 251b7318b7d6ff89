"""Progress a person can see: bars with the time left on a terminal, a line now and then elsewhere."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType

from prefect.exceptions import TerminationSignal
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_LINE_EVERY_S = 15.0
_LOOK_EVERY_S = 1.0
_SPEED_OVER_S = 1800.0  # one label or committee can take minutes


class Counters:
    """Named counters shown as progress bars on standard error. Safe to advance from several threads.

    Attributes:
        stop_at_once: whether Ctrl-C or SIGTERM ends the process here and now. Else Prefect waits for the tasks that
            run, which takes as long as the longest training. Workers end with their parent, and everything finished is
            on the disk, so that nothing is lost.
    """

    stop_at_once = False

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars: Progress | None = None
        if self._console.is_terminal:
            self._bars = Progress(
                TextColumn("{task.description:<34}"),
                BarColumn(bar_width=28),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(elapsed_when_finished=True),
                console=self._console,
                speed_estimate_period=_SPEED_OVER_S,
            )
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, list[int]] = {}
        self._last_line = 0.0
        self._lock = threading.Lock()

    def __enter__(self) -> "Counters":
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
        if self.stop_at_once and kind is not None and issubclass(kind, KeyboardInterrupt | TerminationSignal):
            sys.stderr.write("stopped; the same command goes on from here\n")
            sys.stderr.flush()
            from prefect.server.api.server import SubprocessASGIServer

            SubprocessASGIServer().stop()  # the temporary server, if there is one
            os._exit(130)

    def expect(self, name: str, total: int) -> None:
        """Add ``total`` steps to a counter, which is made on first use."""
        with self._lock:
            count = self._counts.setdefault(name, [0, 0])
            count[1] += total
            if self._bars is not None:
                if name not in self._tasks:
                    self._tasks[name] = self._bars.add_task(name, total=0)
                self._bars.update(self._tasks[name], total=count[1])

    def counter(self, name: str) -> Callable[[int, int], None]:
        """Return a callback ``(done, total)`` for one step of a counter."""

        def count(done: int, total: int) -> None:
            if done == 1:
                self.expect(name, total)
            self.done(name)

        return count

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)

    def done(self, name: str, steps: int = 1) -> None:
        """Advance a counter."""
        with self._lock:
            self._set(name, self._counts[name][0] + steps)

    @contextlib.contextmanager
    def following(self, name: str, total: int, done: Callable[[], int]) -> Iterator[None]:
        """Keep a counter at what ``done()`` says while the block lasts: for work that goes on in other processes."""
        self.expect(name, total)
        over = threading.Event()

        def look() -> None:
            now = done()
            with self._lock:
                if now != self._counts[name][0]:
                    self._set(name, now)

        def follow() -> None:
            while not over.wait(_LOOK_EVERY_S):
                look()

        follower = threading.Thread(target=follow, daemon=True, name="follow-progress")
        follower.start()
        try:
            yield
        finally:
            over.set()
            follower.join()
            look()

    def _set(self, name: str, done: int) -> None:
        count = self._counts[name]
        count[0] = done
        if self._bars is not None:
            self._bars.update(self._tasks[name], completed=done)
        elif count[1] and (time.monotonic() - self._last_line > _LINE_EVERY_S or done == count[1]):
            self._last_line = time.monotonic()
            sys.stderr.write(f"{name}: {done} of {count[1]}\n")
            sys.stderr.flush()
