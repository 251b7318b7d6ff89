"""Untrained models. What mace makes of an architecture is kept on disk, so that mace is not imported every time."""

import contextlib
import functools
import json
import os
from importlib.metadata import version
from pathlib import Path

import torch
from ase.data import atomic_numbers
from safetensors import safe_open
from safetensors.torch import save_file

from al_core.config import Architecture
from al_core.files import atomic_path
from al_core.hashing import digest
from al_core.models.bundle import Bundle

_DRAWN = "drawn"  # the names of what is drawn at random


def seeded_bundle(architecture: Architecture, element: str, avg_num_neighbors: float, seed: int) -> Bundle:
    """Return the bundle of an untrained model, the same for the same seed (float32; E0 0, scale 1).

    No weight of any other model can get in: all are drawn here, from the distributions mace draws them from, which are
    standard normal, in the product basis divided by the number of paths.
    """
    state, names = _template(architecture)
    state = {name: value.clone() for name, value in state.items()}
    state["atomic_numbers"].fill_(atomic_numbers[element])
    generator = torch.Generator().manual_seed(seed)
    for name in names:
        drawn = torch.randn(state[name].shape, generator=generator)
        state[name] = drawn / drawn.shape[1] if ".symmetric_contractions." in name else drawn
    return Bundle(architecture, element, avg_num_neighbors, state, {"seed": seed})


@functools.lru_cache(maxsize=8)
def _template(architecture: Architecture) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Return the state of a new model, and the names of what is drawn in it.

    Importing mace and making one takes seconds, reading it again milliseconds.
    """
    made_with = {name: version(name) for name in ("mace-torch", "e3nn", "torch")}
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "graft"
    file = cache / f"untrained-{digest([architecture.model_dump(), made_with])}.safetensors"
    if file.exists():
        with safe_open(file, "pt") as stored:
            return {name: stored.get_tensor(name) for name in stored.keys()}, json.loads(stored.metadata()[_DRAWN])  # noqa: SIM118
    from al_core.models.mace import untrained_state

    state, drawn = untrained_state(architecture)
    with contextlib.suppress(OSError), atomic_path(file) as temporary:  # no place for it: each process makes its own
        save_file(state, temporary, metadata={_DRAWN: json.dumps(drawn)})
    return state, drawn
