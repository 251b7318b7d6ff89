"""Neighbour graphs as the dictionaries of tensors mace's modules read. Built once a structure, joined to batches."""

from collections.abc import Sequence

import numpy as np
import torch
from ase import Atoms

from al_core.models.engine.neighbours import neighbours

Graph = dict[str, torch.Tensor]


def graph(atoms: Atoms, r_max: float, dtype: torch.dtype, elements: Sequence[str] = ("",)) -> Graph:
    """Return the graph of one structure; a model of one element takes all atoms for it.

    Keys: positions [n, 3] (Å), node_attrs [n, n_elements], edge_index [2, n_edges], shifts and unit_shifts
    [n_edges, 3], cell [3, 3] (Å; where a structure is not periodic, mace's wide one), periodic [1] (in all directions).
    """
    near = neighbours(atoms, r_max)
    species = [elements.index(symbol) if len(elements) > 1 else 0 for symbol in atoms.symbols]
    return {
        "positions": torch.tensor(atoms.positions, dtype=dtype),
        "node_attrs": torch.eye(len(elements), dtype=dtype)[species],
        "edge_index": torch.tensor(np.stack([near.first, near.second]), dtype=torch.long),
        "shifts": torch.tensor(near.shifts, dtype=dtype),
        "unit_shifts": torch.tensor(near.images, dtype=dtype),
        "cell": torch.tensor(near.cell, dtype=dtype),
        "periodic": torch.tensor([bool(atoms.pbc.all())]),
    }


def join(graphs: Sequence[Graph], device: torch.device) -> Graph:
    """Return several graphs as one batch; adds ``batch`` [n_atoms], ``ptr`` [n_graphs + 1] and ``head``."""
    sizes = torch.tensor([len(one["positions"]) for one in graphs])
    starts = torch.cat([torch.zeros(1, dtype=torch.long), sizes.cumsum(0)])
    batch: Graph = {
        key: torch.cat([one[key] for one in graphs])
        for key in ("positions", "node_attrs", "shifts", "unit_shifts", "cell", "periodic")
    }
    batch["edge_index"] = torch.cat(
        [one["edge_index"] + start for one, start in zip(graphs, starts[:-1], strict=True)], dim=1
    )
    batch["ptr"] = starts
    batch["batch"] = torch.repeat_interleave(torch.arange(len(graphs)), sizes)
    batch["head"] = torch.zeros(len(graphs), dtype=torch.long)
    return {key: value.to(device) for key, value in batch.items()}
