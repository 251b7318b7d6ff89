"""Labels that each member of a committee draws for itself (B. Efron, Ann. Statist. 7, 1 (1979))."""

from collections.abc import Sequence

import numpy as np


def bootstrap_weights(members: Sequence[int], labels: int, seed: int) -> np.ndarray:
    """Return how often each member draws each label, [K, n_labels]: as many draws as labels, with replacement.

    A member's draws depend on its number in the whole committee, not on which members are trained with it.

    Args:
        members: numbers in the committee, [K].
        labels: how many there are.
        seed: of the draws.
    """
    rng = np.random.default_rng([seed, labels])
    return rng.multinomial(labels, [1 / labels] * labels, size=max(members) + 1)[list(members)]
