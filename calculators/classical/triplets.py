"""matscipy's list of triplets without the third side of each: that is a Python loop, and no potential here needs it."""

from typing import Any

import numpy as np
from ase import Atoms
from matscipy.neighbours import CutoffNeighbourhood, first_neighbours, neighbour_list, triplet_list


class TwoSidedNeighbourhood(CutoffNeighbourhood):
    """A neighbourhood within a cutoff whose triplets know the pairs ij and ik, not the pair jk."""

    def get_triplets(self, atoms: Atoms, quantities: str, neighbours: Any = None, cutoff: Any = None) -> Any:
        """Return what is asked for of the triplets, the same as matscipy's own; with ``k`` among it, by matscipy."""
        if "k" in quantities:
            return super().get_triplets(atoms, quantities, neighbours, cutoff)
        cutoff = self.cutoff if cutoff is None else cutoff
        i, _, distance, vector = neighbour_list("ijdD", atoms, cutoff) if neighbours is None else neighbours
        ij, ik = triplet_list(first_neighbours(len(atoms), i), distance, cutoff)
        sides = np.stack([vector[ij], vector[ik], vector[ik] - vector[ij]], axis=1)  # i->j, i->k, j->k
        lengths = np.linalg.norm(sides, axis=-1)
        return self.make_result(quantities, np.array([ij, ik]).T, sides, lengths, None, accepted_quantities="ijdD")
