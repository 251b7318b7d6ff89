"""The farthest structure of the largest cluster: between farthest points, which are outliers, and what is typical.

Labelled structures and those taken are centres, and each candidate belongs to its nearest one. The cluster with the
largest sum of squared distances is split next, at the candidate that is farthest from its centre: largest cluster
maximum distance, D. Holzmüller et al., J. Mach. Learn. Res. 24, 164 (2023).
"""

import numpy as np

from al_core.acquisition.candidates import Candidates, first_of_largest
from al_core.acquisition.distances import Nearest
from al_core.config.acquisition import LCMDAcquisition


def select(candidates: Candidates, k: int, rng: np.random.Generator, settings: LCMDAcquisition) -> list[int]:
    """Return k candidates, the first taken first; of equals the earlier one.

    Where nothing has a label, the first is the one with the largest gradients. Costs divide distances within a cluster;
    which cluster is the largest does not depend on them.

    Raises:
        SelectionError: too few candidates, no features or one that is not finite, or no costs.
    """
    candidates.check(k)
    features, labelled = candidates.needed_features(settings.kind)
    costs = candidates.prices(settings.kind, settings.per_cost)
    nearest = Nearest(features, labelled, settings.features)
    free = np.ones(len(features), dtype=bool)
    chosen: list[int] = []
    for _ in range(k):
        sizes = np.bincount(nearest.owners, weights=nearest.squares)[nearest.owners]  # of each candidate's cluster
        eligible = free & (sizes >= (1 - 1e-9) * sizes[free].max())
        scores = np.where(eligible, np.sqrt(nearest.squares) / costs, -np.inf)
        chosen.append(first_of_largest(scores))
        free[chosen[-1]] = False
        nearest.add(features[chosen[-1]])
    return chosen
