"""The structures that are farthest from all that are labelled or taken: greedy k-centre, in features.

Each structure taken has the largest distance from its nearest neighbour among the labelled ones and those taken before
it (T. Gonzalez, Theor. Comput. Sci. 38, 293 (1985)). Guided by forces, the distance is multiplied by the structure's
force, so that strained surroundings come earlier (M. Trestman et al., arXiv:2510.08906, with exponent one).
"""

import numpy as np

from al_core.acquisition.candidates import Candidates, first_of_largest
from al_core.acquisition.distances import Nearest
from al_core.config.acquisition import FarthestPointAcquisition
from al_core.errors import SelectionError


def select(candidates: Candidates, k: int, rng: np.random.Generator, settings: FarthestPointAcquisition) -> list[int]:
    """Return the k farthest candidates, the farthest first; of equals the earlier one.

    Where nothing has a label, the first is the one with the largest gradients.

    Raises:
        SelectionError: too few candidates, no features or one that is not finite; no forces or costs where
            the settings ask for them.
    """
    candidates.check(k)
    features, labelled = candidates.needed_features(settings.kind)
    weights = 1 / candidates.prices(settings.kind, settings.per_cost)
    if settings.force_guided:
        weights = weights * _force_norms(candidates)
    nearest = Nearest(features, labelled, settings.features)
    chosen: list[int] = []
    for _ in range(k):
        scores = np.sqrt(nearest.squares) * weights
        scores[chosen] = -np.inf
        chosen.append(first_of_largest(scores))
        nearest.add(features[chosen[-1]])
    return chosen


def _force_norms(candidates: Candidates) -> np.ndarray:
    """Return the mean over atoms of the norm of the committee's mean force, eV/Å, [count]."""
    if candidates.forces is None:
        raise SelectionError("farthest_point guided by forces needs the committee's forces for every candidate")
    norms = np.array([np.linalg.norm(forces.mean(axis=0), axis=-1).mean() for forces in candidates.forces])
    if not np.isfinite(norms).all():
        raise SelectionError("the committee's forces are not finite for some candidates: a model has diverged")
    return norms
