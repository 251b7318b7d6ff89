"""Models side by side: what training, evaluation, screening and molecular dynamics all compute with."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from ase import Atoms
from ase.data import atomic_numbers

from al_core.models.bundle import Bundle
from al_core.models.engine.network import Network, Output, read_basis

_TRAINABLE = re.compile(r"\.(weight|weights_max|weights\.\d+)$")
_FIXED = ("scale_shift.scale", "scale_shift.shift")
E0 = "atomic_energies_fn.atomic_energies"


class Engine(Protocol):
    """A function of weights and structures; what it makes of structures is its own affair."""

    def prepare(self, structures: Sequence[Atoms]) -> list[Any]:
        """Return what the engine reads of each structure."""

    def join(self, prepared: Sequence[Any]) -> Any:
        """Return several prepared structures as one batch."""

    def __call__(self, weights: Mapping[str, torch.Tensor], batch: Any) -> Output:
        """Return energies, forces and stresses of a batch."""

    def descriptors(self, weights: Mapping[str, torch.Tensor], batch: Any) -> torch.Tensor:
        """Return what is known of each atom before its energy, [K, N, dimensions]."""


@dataclass(frozen=True)
class Stack:
    """K models of one architecture and one set of radial functions.

    Attributes:
        bundles: where they come from.
        network: the function they share.
        weights: mace's parameters, scale, shift and neighbour number of all, each [K, ...].
        trainable: the names of the parameters.
        atomic_energies: [K, n_elements], eV, float64.
    """

    bundles: tuple[Bundle, ...]
    network: Engine
    weights: dict[str, torch.Tensor]
    trainable: tuple[str, ...]
    atomic_energies: torch.Tensor

    def energies_of_atoms(self, structures: Sequence[Atoms]) -> np.ndarray:
        """Return the sum of each structure's atomic energies, eV, [K, n_structures]."""
        energies: np.ndarray = self.atomic_energies.numpy() @ composition(structures, self.bundles[0].elements).T
        return energies

    def unstacked(self) -> list[Bundle]:
        """Return the models as bundles with the weights as they are now (float32)."""
        return [
            replace(bundle, weights={**bundle.weights, **{name: self._own(name, k) for name in self.trainable}})
            for k, bundle in enumerate(self.bundles)
        ]

    def _own(self, name: str, member: int) -> torch.Tensor:
        return self.weights[name][member].detach().cpu().float().clone()


def composition(structures: Sequence[Atoms], elements: Sequence[str]) -> np.ndarray:
    """Return how many atoms of each element structures have, [n_structures, n_elements]; one element counts all."""
    if len(elements) == 1:
        return np.array([float(len(atoms)) for atoms in structures]).reshape(-1, 1)
    numbers = [atomic_numbers[symbol] for symbol in elements]
    counts = [[float((atoms.numbers == number).sum()) for number in numbers] for atoms in structures]
    return np.array(counts).reshape(-1, len(elements))


def pick_device(name: str) -> torch.device:
    """Return the device of a config's ``device``: ``auto`` is CUDA if there is one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def stack(bundles: Sequence[Bundle], dtype: torch.dtype, device: torch.device) -> Stack:
    """Return models as a stack; they must belong together, see :func:`alike`."""
    first = bundles[0]
    # in an order that does not depend on where the weights were read from
    names = tuple(sorted(name for name, value in first.weights.items() if _TRAINABLE.search(name) and value.numel()))
    weights = {
        name: torch.stack([bundle.weights[name].to(device, dtype) for bundle in bundles]) for name in (*names, *_FIXED)
    }
    weights |= {name: weights[name].view(len(bundles)) for name in _FIXED}
    weights["avg_num_neighbors"] = torch.tensor(
        [bundle.avg_num_neighbors for bundle in bundles], dtype=dtype, device=device
    )
    energies = torch.stack([bundle.weights[E0].double().cpu().flatten() for bundle in bundles])
    network: Engine
    if first.architecture.regrouped:
        network = Network(first.architecture, first.weights, dtype, device)
    else:
        from al_core.models.engine.stock import StockNetwork  # imports mace, which takes seconds

        network = StockNetwork(first, dtype, device)
    return Stack(tuple(bundles), network, weights, names, energies)


def alike(bundles: Sequence[Bundle]) -> list[list[int]]:
    """Return the indices of the models that can be stacked, group by group."""
    groups: list[list[int]] = []
    bases = [read_basis(bundle.weights, bundle.architecture.l_max) for bundle in bundles]
    for index, bundle in enumerate(bundles):
        for group in groups:
            if bundles[group[0]].architecture == bundle.architecture and bases[group[0]].same(bases[index]):
                group.append(index)
                break
        else:
            groups.append([index])
    return groups
