"""Weights are free, but the model keeps to what its start says of structures that have no label.

A label says nothing of structures unlike it; there the start is the best that is known. Forces of the start on
unlabelled structures are rehearsed along with the labels, as a prior on the function instead of on the weights
(learning without forgetting, Z. Li and D. Hoiem, arXiv:1606.09282). Its weight falls as one over the number of labels.
"""

from al_core.models.engine import Stack
from al_core.models.tuning.plain import Plain


class Rehearsed(Plain):
    """Adds strength * the mean squared difference to the start's forces on unlabelled structures."""

    def __init__(self, models: Stack, strength: float) -> None:
        super().__init__(models)
        self.rehearsed = strength
