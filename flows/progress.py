"""Progress a person can see: bars with the time left on a terminal, a line now and then elsewhere."""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

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


class Steps:
    """Named counters shown as progress bars on standard error. Safe to advance from several threads."""

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
            )
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, list[int]] = {}
        self._last_line = 0.0
        self._lock = threading.Lock()

    def __enter__(self) -> "Steps":
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

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

    def done(self, name: str, steps: int = 1) -> None:
        """Advance a counter."""
        with self._lock:
            self._counts[name][0] += steps
            if self._bars is not None:
                self._bars.advance(self._tasks[name], steps)
            elif time.monotonic() - self._last_line > _LINE_EVERY_S or self._counts[name][0] == self._counts[name][1]:
                self._last_line = time.monotonic()
                sys.stderr.write(f"{name}: {self._counts[name][0]} of {self._counts[name][1]}\n")
                sys.stderr.flush()
