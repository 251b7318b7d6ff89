"""A disk cache of tensors made by mace and e3nn, whose import takes seconds: most processes need not import them."""

import contextlib
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save

from al_core.storage.files import atomic_path
from al_core.storage.hashing import digest

Made = tuple[dict[str, torch.Tensor], dict[str, str]]


def cached(name: str, what: Any, packages: tuple[str, ...], make: Callable[[], Made]) -> Made:
    """Return what ``make`` makes, tensors and remarks; from the user's cache folder, if it is there.

    Where nothing can be written, each process makes it.

    Args:
        name: what the file's name begins with.
        what: what the tensors depend on, as JSON.
        packages: distributions whose versions they depend on as well.
        make: makes them.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "graft"
    file = cache / f"{name}-{digest([what, {package: version(package) for package in packages}])}.safetensors"
    if file.exists():
        with safe_open(file, "pt") as stored:
            return {key: stored.get_tensor(key) for key in stored.keys()}, stored.metadata()  # noqa: SIM118
    tensors, remarks = make()
    with contextlib.suppress(OSError), atomic_path(file) as temporary:
        temporary.write_bytes(save(tensors, metadata=remarks))
    return tensors, remarks
