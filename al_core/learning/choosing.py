"""What a growth chooses from: the frames that walkers came by."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from al_core.exploration.frames import Frame
from al_core.learning.steps import LabelOutcome
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import slice_of
from al_core.studies.growth_index import Chosen


def chosen_from(name: str, frame: Frame, drawn: bool, outcome: LabelOutcome) -> Chosen:
    """Return what is kept of a structure that was labelled; arguments as :class:`Chosen` has them."""
    return Chosen(
        structure=name,
        key=outcome.key,
        slice=slice_of(frame.atoms),
        atoms=len(frame.atoms),
        walker=frame.walker,
        time_ps=frame.time_ps,
        expected=frame.expected,
        drawn=drawn,
        failure=outcome.failure,
    )


def in_turn(frames: Mapping[str, Frame], rng: np.random.Generator, had: Mapping[str, int]) -> list[str]:
    """Return structures in an order drawn at random in which their slices come in turn, those first that had fewer.

    A few that are simply drawn may all be of one slice, and then say nothing of the others.

    Args:
        frames: by their ids.
        rng: for the order.
        had: how many were drawn of each slice before.
    """
    names = list(frames)
    counts = Counter(had)
    ranked: list[tuple[int, int, str]] = []
    for index in rng.permutation(len(names)):
        part = slice_of(frames[names[index]].atoms)
        ranked.append((counts[part], len(ranked), names[index]))
        counts[part] += 1
    return [name for _, _, name in sorted(ranked)]


def by_id(frames: Iterable[Frame]) -> dict[str, Frame]:
    """Return frames by the id of their structure, each structure once."""
    found: dict[str, Frame] = {}
    for frame in frames:
        found.setdefault(structure_id(frame.atoms), frame)
    return found
