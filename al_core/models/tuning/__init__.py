"""Ways of training that know how few labels there are. One file each; this is their registry."""

from al_core.config import AnchoredTuning, AnyTuning, FrozenTuning, LowRankTuning, PlainTuning, RehearsedTuning
from al_core.models.engine import Stack
from al_core.models.tuning.anchored import Anchored
from al_core.models.tuning.frozen import Frozen
from al_core.models.tuning.low_rank import LowRank
from al_core.models.tuning.plain import Plain
from al_core.models.tuning.rehearsed import Rehearsed


def tuning(settings: AnyTuning, models: Stack) -> Plain:
    """Return the way of training a stack that a config describes."""
    match settings:
        case PlainTuning():
            return Plain(models)
        case AnchoredTuning():
            return Anchored(models, settings.strength)
        case FrozenTuning():
            return Frozen(models, settings.free)
        case LowRankTuning():
            return LowRank(models, settings.rank)
        case RehearsedTuning():
            return Rehearsed(models, settings.strength)
