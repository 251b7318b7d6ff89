"""A model of several elements, restricted to some of them: exactly the same potential of what is made of these."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import torch

from al_core.models.bundle import Bundle
from al_core.models.engine.stack import E0

_BY_ELEMENT = re.compile(r"symmetric_contractions\.contractions\.\d+\.weights(_max|\.\d+)$|^atomic_numbers$")
_EMBEDDING, _SKIP = "node_embedding.linear.weight", re.compile(r"interactions\.\d+\.skip_tp\.weight$")


def select_elements(bundle: Bundle, elements: Sequence[str]) -> Bundle:
    """Return the model with some of its elements, in this order; energies and forces stay the same.

    mace divides by the square root of the number of elements where it sums over them, which the weights make up for.

    Args:
        bundle: the model.
        elements: chemical symbols, each of the bundle's.
    """
    if tuple(elements) == bundle.elements:
        return bundle
    chosen = torch.tensor([bundle.elements.index(symbol) for symbol in elements])
    count, channels = len(bundle.elements), bundle.architecture.channels
    factor = math.sqrt(len(elements) / count)
    weights = dict(bundle.weights)
    for name, value in bundle.weights.items():
        if name == _EMBEDDING:
            weights[name] = (value.view(count, channels)[chosen] * factor).flatten()
        elif _SKIP.search(name):
            weights[name] = (value.view(-1, channels, count, channels)[:, :, chosen] * factor).flatten()
        elif _BY_ELEMENT.search(name) and value.numel():
            weights[name] = value[chosen]
        elif name == E0:
            weights[name] = value.flatten()[chosen].reshape(*value.shape[:-1], len(elements))
    return replace(bundle, elements=tuple(elements), weights=weights)
