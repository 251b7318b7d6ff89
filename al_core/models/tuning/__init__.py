"""Ways of training that know how few labels there are. One file each; this is the registry of those that descend."""

from al_core.config import FrozenTuning, LowRankTuning, PlainTuning
from al_core.models.engine import Stack
from al_core.models.tuning.frozen import Frozen
from al_core.models.tuning.low_rank import LowRank
from al_core.models.tuning.plain import Plain

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
