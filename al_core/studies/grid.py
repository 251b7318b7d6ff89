"""The grid of a study: which sets of labels grow, and which arm is trained on which of them.

A *chain* is one growing set of labels. An acquisition that asks no model grows one chain a seed for all arms; one that
asks models grows a chain an arm. In the *own* comparison each arm trains on its own chain, in the *shared* one all
arms train on the chain of one arm, the leader. A pair of arm and chain that counts in both is trained once.

Where there is a baseline, it is trained on every chain, so that each transfer has its like on the same labels.
"""

from dataclasses import dataclass

from al_core.config.acquisition import AnyAcquisition
from al_core.config.study import StudyConfig

BASELINE = "scratch"


@dataclass(frozen=True)
class Chain:
    """A growing set of labels; ``arm`` is the one whose committee chooses, '' where no model is asked."""

    acquisition: str
    seed: int
    arm: str


@dataclass(frozen=True)
class Place:
    """One place of the grid: an arm trained on a chain, as it counts in one comparison."""

    comparison: str
    arm: str
    chain: Chain


def chain_of(acquisition: AnyAcquisition, seed: int, arm: str) -> Chain:
    """Return the chain an arm's own choices make."""
    return Chain(acquisition.kind, seed, arm if acquisition.asks_models else "")


def places(config: StudyConfig) -> list[Place]:
    """Return all places at one budget, in the order of the config."""
    return [
        Place(
            comparison,
            arm.kind,
            chain_of(acquisition, seed, arm.kind if comparison == "own" else config.leader),
        )
        for comparison in config.comparisons
        for acquisition in config.acquisitions
        for seed in config.seeds
        for arm in config.arms
    ]


def chains(config: StudyConfig) -> list[Chain]:
    """Return every chain once."""
    return list(dict.fromkeys(place.chain for place in places(config)))


def pairs(config: StudyConfig) -> list[tuple[str, Chain]]:
    """Return every (arm, chain) that is trained, once; the baseline, if it is an arm, on every chain."""
    found = [(place.arm, place.chain) for place in places(config)]
    if any(arm.kind == BASELINE for arm in config.arms):
        found += [(BASELINE, place.chain) for place in places(config)]
    return list(dict.fromkeys(found))
