"""What a training step sees: structures joined to batches, what they should give, and how much each counts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from ase import Atoms

from al_core.config import Training
from al_core.models.engine import Stack
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


def loss(models: Stack, weights: Any, batch: Any, target: Targets) -> torch.Tensor:
    """Return each member's loss, [K]: weighted squared errors of energy per atom, force and stress components."""
    said = models.network(weights, batch)
    energies = (said.energies / target.sizes - target.energies).square()
    forces = (said.forces - target.forces).square().mean(2)
    found = (energies * target.energy_weights).sum(1) + (forces * target.force_weights).sum(1)
    if bool(target.stress_weights.any()):
        found = found + ((said.stresses - target.stresses).square().mean((2, 3)) * target.stress_weights).sum(1)
    return found


def labels_of(models: Stack, labelled: Sequence[Labelled], settings: Training, shares: np.ndarray) -> Targets:
    """Return the labels of a batch; energies, forces and stresses each weigh as a mean.

    Args:
        models: whose atomic energies are subtracted.
        labelled: the labels.
        settings: weights of the loss.
        shares: what each label counts for each member, [1 or K, B]; 1 is a full label.
    """
    sizes = np.array([len(atoms) for atoms, _ in labelled])
    energies = np.array([label.energy for _, label in labelled]) / sizes
    stresses = np.array([np.zeros(6) if label.stress is None else label.stress for _, label in labelled])
    has_stress = np.array([label.stress is not None for _, label in labelled], float)
    like = models.weights["scale_shift.scale"]

    def put(values: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(values).to(like)

    return Targets(
        energies=put(energies - models.atomic_energies.numpy()[:, None]),
        sizes=put(sizes),
        forces=put(np.concatenate([label.forces for _, label in labelled])).unsqueeze(0),
        stresses=put(stresses[:, [[0, 5, 4], [5, 1, 3], [4, 3, 2]]]),
        energy_weights=put(settings.energy_weight / len(sizes) * shares),
        stress_weights=put(settings.stress_weight * has_stress / max(1.0, has_stress.sum()) * shares),
        force_weights=put(np.repeat(settings.force_weight / sizes.sum() * shares, sizes, axis=1)),
    )


class Batches:
    """An endless sequence of batches; a structure is prepared once, and a batch of the whole set is joined once.

    Args:
        models: the stack that is trained.
        labelled: the labels.
        settings: batch size and weights of the loss.
        rng: draws the batches.
        shares: what each label counts for each member, [K, n_labels]; all the same if not given.
    """

    def __init__(
        self,
        models: Stack,
        labelled: Sequence[Labelled],
        settings: Training,
        rng: np.random.Generator,
        shares: np.ndarray | None = None,
    ) -> None:
        self._shares = np.ones((1, len(labelled))) if shares is None else shares
        self._models, self._labelled, self._settings, self._rng = models, labelled, settings, rng
        self._prepared = models.network.prepare([atoms for atoms, _ in labelled])
        self._size = min(settings.batch_size, len(labelled))
        self._order: list[int] = []
        everything = range(len(labelled))
        self._whole = (everything, self._targets(everything)) if self._size == len(labelled) else None
        self._joined = self._join(everything) if self._whole else None

    def _targets(self, places: Sequence[int]) -> Targets:
        labelled = [self._labelled[place] for place in places]
        return labels_of(self._models, labelled, self._settings, self._shares[:, list(places)])

    def _join(self, places: Sequence[int]) -> Any:
        return self._models.network.join([self._prepared[place] for place in places])

    def next_parts(self) -> tuple[list[Any], Targets]:
        """Return the prepared structures of the next batch, not joined, and their labels."""
        places, targets = self._draw()
        return [self._prepared[place] for place in places], targets

    def next(self) -> tuple[Any, Targets]:
        """Return the next batch."""
        if self._whole is not None:
            return self._joined, self._whole[1]
        places, targets = self._draw()
        return self._join(places), targets

    def _draw(self) -> tuple[Sequence[int], Targets]:
        if self._whole is not None:
            return self._whole
        while len(self._order) < self._size:
            self._order += self._rng.permutation(len(self._labelled)).tolist()
        places, self._order = self._order[: self._size], self._order[self._size :]
        return places, self._targets(places)


class RehearsedBatches(Batches):
    """Batches to which unlabelled structures are added, with the forces that the stack says of them as it starts.

    Args:
        unlabelled: the structures drawn from.
        share: weight of their mean squared force difference.
        count: how many are added to a batch.
    """

    def __init__(
        self,
        models: Stack,
        labelled: Sequence[Labelled],
        settings: Training,
        rng: np.random.Generator,
        unlabelled: Sequence[Atoms],
        share: float,
        count: int,
        shares: np.ndarray | None = None,
    ) -> None:
        super().__init__(models, labelled, settings, rng, shares)
        self._share, self._count = share, min(count, len(unlabelled))
        self._others = models.network.prepare(unlabelled)
        self._said = []
        for other in self._others:
            with torch.no_grad():
                self._said.append(models.network(models.weights, models.network.join([other])).forces)

    def next(self) -> tuple[Any, Targets]:
        """Return the next batch of labels with some rehearsed structures behind them."""
        parts, target = self.next_parts()
        places = self._rng.choice(len(self._others), self._count, replace=False)
        forces = torch.cat([self._said[place] for place in places], dim=1)
        sizes = torch.tensor([self._said[place].shape[1] for place in places]).to(target.sizes)
        members, atoms = forces.shape[:2]
        nothing = torch.zeros_like(sizes)
        added = replace(
            target,
            energies=torch.cat([target.energies, nothing.expand(members, -1)], dim=1),
            sizes=torch.cat([target.sizes, sizes]),
            forces=torch.cat([target.forces.expand(members, -1, -1), forces], dim=1),
            stresses=torch.cat([target.stresses, target.stresses.new_zeros(len(places), 3, 3)]),
            energy_weights=_with(target.energy_weights, nothing),
            stress_weights=_with(target.stress_weights, nothing),
            force_weights=_with(target.force_weights, sizes.new_full((atoms,), self._share / atoms)),
        )
        return self._models.network.join([*parts, *(self._others[place] for place in places)]), added


def _with(weights: torch.Tensor, more: torch.Tensor) -> torch.Tensor:
    """Return weights [K, n] with the same further ones for every member."""
    return torch.cat([weights, more.expand(len(weights), -1)], dim=1)
