"""Where a long training was when it was last written down: a kill costs a minute of it and not all."""

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from al_core.storage.files import atomic_path

_SECONDS = 60.0  # between two times of writing


class Checkpoint:
    """The state of one training in a file, which is there only while the training is not finished.

    Args:
        path: the file.

    Attributes:
        core_seconds: spent on this training by processes before this one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.core_seconds = 0.0
        self._begin, self._written = time.process_time(), time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """Return the state a killed process left, if there is one."""
        if not self.path.exists():
            return None
        state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        self.core_seconds = state.pop("core_seconds")
        return state

    def save(self, state: Callable[[], dict[str, Any]]) -> None:
        """Write the state if it is time to."""
        if time.monotonic() - self._written < _SECONDS:
            return
        spent = self.core_seconds + time.process_time() - self._begin
        written = io.BytesIO()  # torch.save itself does not tell what a disk refuses
        torch.save({**state(), "core_seconds": spent}, written)
        with atomic_path(self.path) as temporary:
            temporary.write_bytes(written.getbuffer())
        self._written = time.monotonic()

    def remove(self) -> None:
        """Remove the file: the training is finished."""
        self.path.unlink(missing_ok=True)
