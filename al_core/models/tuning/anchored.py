"""The most probable weights, when those of the start are the prior.

What is minimised is the sum of squared errors over the labels, each in units of what a good start leaves unexplained,
plus strength / n * g^2 * |w - w_start|^2, where n is the number of labels (in labels of 32 atoms: smaller ones say
less, larger ones no more). Here g^2 is the mean squared gradient of a force component by the weights over structures of
the pool, so that with one label the prior weighs as much as ``strength`` force components, whatever a model's scale and
size. It is the posterior's mode of a network taken as a Gaussian process around its start (A. Jacot
et al., arXiv:1806.07572), without taking it as linear. That would have one prior for all numbers of labels; measured,
it should weigh less where there are more (docs/learning.md).

A label that says little moves little: steps are as long as the errors ask, where Adam makes each as long as any other.
The minimum is found by L-BFGS on all labels at once, in some dozen evaluations.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from ase import Atoms

from al_core.config import AnchoredTuning, Training
from al_core.models.batches import Labelled, Targets, labels_of, loss
from al_core.models.engine import Stack
from al_core.uncertainty.responses import mean_squared_gradient

# An energy is one number of a label and a stress six: they count as often, and not as a mean over labels. With the
# default weights of the loss, 45 meV/atom and 14 meV/Å^3 are as much as 0.1 eV/Å of a force component: a few labels of
# several phases differ by as much in ways that forces elsewhere should not pay for.
_ENERGY, _STRESS = 0.5, 5.0  # times their weights in the loss, of the force components' weight
_INDEPENDENT = 96  # force components of one structure that count at most; the others are wrong along with them
_ATOMS_AT_ONCE = 256
_STRUCTURES = 12  # of the pool, for the mean squared gradient
_MEMORY = 20  # steps that L-BFGS remembers


def most_probable(
    models: Stack,
    labelled: Sequence[Labelled],
    settings: Training,
    way: AnchoredTuning,
    unlabelled: Sequence[Atoms],
    seed: int,
    shares: np.ndarray | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[float | None]:
    """Train a stack in place; return the losses that are left, None where one is not finite.

    Args:
        models: the stack as it starts.
        labelled, settings: as in :func:`al_core.models.training.train`; steps bound the evaluations.
        way: strength and largest number of evaluations.
        unlabelled: structures of the pool; without any, the labelled ones take their place.
        seed: draws some of them.
        shares: what each label counts for each member, [K, n_labels]; all the same if not given.
        progress: told the steps done.
    """
    structures = list(unlabelled) or [atoms for atoms, _ in labelled]
    drawn = np.random.default_rng(seed).permutation(len(structures))[:_STRUCTURES]
    said = sum(min(_INDEPENDENT, 3 * len(atoms)) for atoms, _ in labelled) / _INDEPENDENT
    anchor = way.strength / said * mean_squared_gradient(models, [structures[place] for place in drawn])
    parts = _parts(models, labelled, settings, shares)
    leaves = [models.weights[name].requires_grad_(True) for name in models.trainable]
    starts = [leaf.detach().clone() for leaf in leaves]
    evaluations = min(way.evaluations, settings.steps)
    optimizer = torch.optim.LBFGS(
        leaves, max_iter=evaluations, max_eval=evaluations, history_size=_MEMORY, line_search_fn="strong_wolfe"
    )
    done = 0

    def objective() -> torch.Tensor:
        nonlocal done
        optimizer.zero_grad()
        total = torch.zeros_like(anchor)
        for batch, targets in parts:
            value = loss(models, models.weights, batch, targets)
            value.sum().backward()  # a part's memory is given back before the next
            total = total + value.detach()
        moved = [(leaf - start).flatten(1).square().sum(1) for leaf, start in zip(leaves, starts, strict=True)]
        held = anchor * torch.stack(moved).sum(0)
        held.sum().backward()
        for leaf in leaves:
            assert leaf.grad is not None  # the anchor reaches every weight
            leaf.grad.nan_to_num_(0.0, 0.0, 0.0)  # a member that is lost stays where it is and leaves the others alone
        done += 1
        progress(round(settings.steps * min(1.0, done / evaluations)))
        return (total + held.detach()).nan_to_num(0.0, 0.0, 0.0).sum()

    if evaluations:
        optimizer.step(objective)
    with torch.no_grad():
        last = torch.stack([loss(models, models.weights, batch, targets) for batch, targets in parts]).sum(0)
    return [float(value) if math.isfinite(value) else None for value in last]


def _parts(
    models: Stack, labelled: Sequence[Labelled], settings: Training, shares: np.ndarray | None
) -> list[tuple[Any, Targets]]:
    """Return the labels in batches that fit into memory; their losses are sums and add up to that of all labels."""
    count, atoms = len(labelled), sum(len(atoms) for atoms, _ in labelled)
    stresses = sum(label.stress is not None for _, label in labelled)
    sizes = np.array([len(atoms) for atoms, _ in labelled])
    counting = np.repeat(np.minimum(3.0, _INDEPENDENT / sizes), sizes)  # components of each atom
    means = labels_of(models, labelled, settings, np.ones((1, count)) if shares is None else shares)
    whole = replace(
        means,
        energy_weights=means.energy_weights * (_ENERGY * count),
        stress_weights=means.stress_weights * (_STRESS * 6 * stresses),
        force_weights=means.force_weights * means.force_weights.new_tensor(counting * atoms),
    )
    prepared = models.network.prepare([atoms for atoms, _ in labelled])
    ends = np.cumsum([0, *(len(atoms) for atoms, _ in labelled)])
    parts, begin = [], 0
    for end in range(1, count + 1):
        if end == count or ends[end + 1] - ends[begin] > _ATOMS_AT_ONCE:
            targets = whole.part(slice(begin, end), slice(int(ends[begin]), int(ends[end])))
            parts.append((models.network.join(prepared[begin:end]), targets))
            begin = end
    return parts
