"""Untrained models. What mace makes of an architecture is in the disk cache, so that few processes import mace."""

import functools
import json
from collections.abc import Sequence

import torch
from ase.data import atomic_numbers

from al_core.config.training import Architecture
from al_core.models.bundle import Bundle
from al_core.models.engine.disk_cache import Made, cached

_DRAWN = "drawn"  # the names of what is drawn at random


def seeded_bundle(architecture: Architecture, elements: Sequence[str], avg_num_neighbors: float, seed: int) -> Bundle:
    """Return the bundle of an untrained model, the same for the same seed (float32; E0 0, scale 1).

    No weight of any other model can get in: all are drawn here, from the distributions mace draws them from, which are
    standard normal, in the product basis divided by the number of paths.
    """
    state, names = _template(architecture, len(elements))
    state = {name: value.clone() for name, value in state.items()}
    state["atomic_numbers"].copy_(torch.tensor([atomic_numbers[symbol] for symbol in elements]))
    generator = torch.Generator().manual_seed(seed)
    for name in names:
        drawn = torch.randn(state[name].shape, generator=generator)
        state[name] = drawn / drawn.shape[1] if ".symmetric_contractions." in name else drawn
    return Bundle(architecture, tuple(elements), avg_num_neighbors, state, {"seed": seed})


@functools.lru_cache(maxsize=8)
def _template(architecture: Architecture, elements: int) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Return the state of a new model of so many elements, and the names of what is drawn in it."""

    def make() -> Made:
        from al_core.models.engine.mace import untrained_state

        state, drawn = untrained_state(architecture, elements)
        return state, {_DRAWN: json.dumps(drawn)}

    state, remarks = cached(
        "untrained", {**architecture.model_dump(), "elements": elements}, ("mace-torch", "e3nn", "torch"), make
    )
    return state, json.loads(remarks[_DRAWN])
