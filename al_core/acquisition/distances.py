"""How far structures are from each other in features, and from the nearest of some centres.

The gradient of an energy is a vector, and the distance is Euclid's. The gradients of random force combinations are a
sample, other combinations for each structure. What they are a sample of is the mean outer product M of
the gradients, [dimensions, dimensions], and the distance is the Frobenius norm of the difference of two of these.
With rows a_i and b_j of two structures the mean of (a_i . b_j)^2 is the inner product of M_a and M_b without bias; that
of M_a and itself is the mean over pairs of different rows, so that a structure is expected to be at no distance from
itself. (With the pairs of a row and itself it would be the farther the larger its gradients are.) What comes out below
zero is zero. Eight rows leave much noise: of twelve silicon structures in the shipped model four had another one at no
distance. Distances by energies have no noise and are the default.
"""

from collections.abc import Iterable

import numpy as np

from al_core.acquisition.posterior import parts
from al_core.config.acquisition import Features

_ROUNDING = 1e-12  # of squares, which are differences of large numbers


class Nearest:
    """The squared distance of every candidate from its nearest centre, as centres are added.

    Args:
        features: of the candidates, [n, rows, dimensions].
        centres: of the structures that are centres from the beginning.
        features_of: what the features are.

    Attributes:
        squares: squared distances, [n]; from the origin as long as there is no centre.
        owners: the number of the nearest centre of each candidate, of equally near ones the first, [n].
    """

    def __init__(self, features: np.ndarray, centres: Iterable[np.ndarray], features_of: Features) -> None:
        self._features, self._sets = features, features_of == "force_gradients"
        self._norms = np.concatenate([self._own(part.astype(float)) for part in parts(features)] or [np.empty(0)])
        self.squares, self.owners = self._norms.copy(), np.zeros(len(features), dtype=int)
        self._centres = 0
        for rows in centres:
            self.add(rows)

    def add(self, rows: np.ndarray) -> None:
        """Let a structure with these features, [rows, dimensions], be a centre."""
        centre = rows.astype(float)
        shared = [self._shared(part.astype(float), centre) for part in parts(self._features)] or [np.empty(0)]
        norms = self._norms + self._own(centre[None])[0]
        squares = norms - 2 * np.concatenate(shared)
        squares[squares < _ROUNDING * norms] = 0
        nearer = squares < self.squares if self._centres else np.ones(len(squares), dtype=bool)
        self.squares = np.where(nearer, squares, self.squares)
        self.owners[nearer] = self._centres
        self._centres += 1

    def _own(self, some: np.ndarray) -> np.ndarray:
        """Return the inner product of each structure with itself, [few]."""
        if not self._sets:
            return np.asarray((some**2).sum(axis=(1, 2)))
        rows = some.shape[1]
        squares = (some @ some.swapaxes(1, 2)) ** 2
        if rows == 1:
            return np.asarray(squares[:, 0, 0])
        return np.asarray((squares.sum(axis=(1, 2)) - np.trace(squares, axis1=1, axis2=2)) / (rows * (rows - 1)))

    def _shared(self, some: np.ndarray, centre: np.ndarray) -> np.ndarray:
        """Return the inner product of each structure with a centre, [few]."""
        if not self._sets:
            return np.asarray(np.tensordot(some, centre, axes=2))
        return np.asarray(((some @ centre.T) ** 2).mean(axis=(1, 2)))
