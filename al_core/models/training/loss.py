"""What a training step sees: structures joined to batches, what they should give, and how much each counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ase import Atoms

from al_core.config.training import Training
from al_core.models.engine.stack import Stack
from al_core.types import Label

Labelled = tuple[Atoms, Label]


@dataclass(frozen=True)
class Targets:
    """The labels of a batch of B structures and N atoms, and their weights in the loss.

    Attributes:
        energies: per atom, without the atomic energies, eV, [K, B].
        sizes: [B].
        forces: eV/Å, [1 or K, N, 3].
        stresses: eV/Å^3, [B, 3, 3]; zero where there is none.
        energy_weights, stress_weights: [1 or K, B].
        force_weights: [1 or K, N].
    """

    energies: torch.Tensor
    sizes: torch.Tensor
    forces: torch.Tensor
    stresses: torch.Tensor
    energy_weights: torch.Tensor
    stress_weights: torch.Tensor
    force_weights: torch.Tensor


TargetsOf = Callable[[Stack, Sequence[Labelled], Training, np.ndarray], Targets]


def loss(models: Stack, weights: Any, batch: Any, target: Targets) -> torch.Tensor:
    """Return each member's loss, [K]: weighted squared errors of energy per atom, force and stress components."""
    predicted = models.network(weights, batch)
    energies = (predicted.energies / target.sizes - target.energies).square()
    forces = (predicted.forces - target.forces).square().mean(2)
    found = (energies * target.energy_weights).sum(1) + (forces * target.force_weights).sum(1)
    if bool(target.stress_weights.any()):
        found = found + ((predicted.stresses - target.stresses).square().mean((2, 3)) * target.stress_weights).sum(1)
    return found


def labels_of(models: Stack, labelled: Sequence[Labelled], settings: Training, sample_weights: np.ndarray) -> Targets:
    """Return the labels of a batch; energies, forces and stresses each weigh as a mean.

    Args:
        models: whose atomic energies are subtracted.
        labelled: the labels.
        settings: weights of the loss.
        sample_weights: what each label counts for each member, [1 or K, B]; 1 is a full label.
    """
    sizes = np.array([len(atoms) for atoms, _ in labelled])
    energies = np.array([label.energy for _, label in labelled]) / sizes
    stresses = np.array([np.zeros(6) if label.stress is None else label.stress for _, label in labelled])
    has_stress = np.array([label.stress is not None and atoms.pbc.all() for atoms, label in labelled], float)
    like = models.weights["scale_shift.scale"]

    def put(values: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(values).to(like)

    return Targets(
        energies=put(energies - models.energies_of_atoms([atoms for atoms, _ in labelled]) / sizes),
        sizes=put(sizes),
        forces=put(np.concatenate([label.forces for _, label in labelled])).unsqueeze(0),
        stresses=put(stresses[:, [[0, 5, 4], [5, 1, 3], [4, 3, 2]]]),
        energy_weights=put(settings.energy_weight / len(sizes) * sample_weights),
        stress_weights=put(settings.stress_weight * has_stress / max(1.0, has_stress.sum()) * sample_weights),
        force_weights=put(np.repeat(settings.force_weight / sizes.sum() * sample_weights, sizes, axis=1)),
    )


class Batches:
    """An endless sequence of batches; a structure is prepared once, and a batch of the whole set is joined once.

    Args:
        models: the stack that is trained.
        labelled: the labels.
        settings: batch size and weights of the loss.
        rng: draws the batches.
        sample_weights: what each label counts for each member, [K, n_labels]; all the same if not given.
        targets: weighs the labels of a batch; called as :func:`labels_of` is.
    """

    def __init__(
        self,
        models: Stack,
        labelled: Sequence[Labelled],
        settings: Training,
        rng: np.random.Generator,
        sample_weights: np.ndarray | None = None,
        targets: TargetsOf = labels_of,
    ) -> None:
        self._weighed = targets
        self._sample_weights = np.ones((1, len(labelled))) if sample_weights is None else sample_weights
        self._models, self._labelled, self._settings, self._rng = models, labelled, settings, rng
        self._prepared = models.network.prepare([atoms for atoms, _ in labelled])
        self._size = min(settings.batch_size, len(labelled))
        self._order: list[int] = []
        everything = range(len(labelled))
        self._whole = (self._join(everything), self._targets(everything)) if self._size == len(labelled) else None

    def _targets(self, numbers: Sequence[int]) -> Targets:
        labelled = [self._labelled[number] for number in numbers]
        return self._weighed(self._models, labelled, self._settings, self._sample_weights[:, list(numbers)])

    def _join(self, numbers: Sequence[int]) -> Any:
        return self._models.network.join([self._prepared[number] for number in numbers])

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` goes on from."""
        return {"order": list(self._order), "rng": self._rng.bit_generator.state}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on as the batches would that were in this state."""
        self._order, self._rng.bit_generator.state = list(state["order"]), state["rng"]

    def next(self) -> tuple[Any, Targets]:
        """Return the next batch."""
        if self._whole is not None:
            return self._whole
        while len(self._order) < self._size:
            self._order += self._rng.permutation(len(self._labelled)).tolist()
        numbers, self._order = self._order[: self._size], self._order[self._size :]
        return self._join(numbers), self._targets(numbers)
