"""Tunings of a model's weights: what is free, and what holds it. One file each; this registers those that descend."""

from al_core.config.training import FrozenTuning, LowRankTuning, PlainTuning
from al_core.models.engine.stack import Stack
from al_core.models.training.tuning.frozen import Frozen
from al_core.models.training.tuning.low_rank import LowRank
from al_core.models.training.tuning.plain import Plain

Descending = PlainTuning | FrozenTuning | LowRankTuning


def tuning(settings: Descending, models: Stack) -> Plain:
    """Return the way of training a stack that a config describes."""
    match settings:
        case PlainTuning():
            return Plain(models)
        case FrozenTuning():
            return Frozen(models, settings.free)
        case LowRankTuning():
            return LowRank(models, settings.rank)
