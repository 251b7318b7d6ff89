"""The most probable weights, when those of the start are the prior.

What is minimised is the sum of squared errors over the labels, plus strength * g^2 * |w - w_start|^2. Here g^2 is the
mean squared gradient of a force component by the weights over structures of the pool, so that the prior weighs as much
as ``strength`` force components, whatever a model's scale and size. It is the posterior's mode of a network taken as a
Gaussian process around its start (A. Jacot et al., arXiv:1806.07572), without taking it as linear; ``strength`` is the
variance of what no weights can describe over that of the start's errors.

An energy per atom, a force component and a stress component count by how far the weights move each of them: an error
is measured in its own root mean squared gradient over structures of the pool. So what is learned of a force of
0.1 eV/Å weighs as much as a stress that the same change of the weights would bring about, some 4 meV/Å^3. An energy
counts ten times: it is one number of a structure, and all that tells one phase or defect from another.

A label that says little moves little: steps are as long as the errors ask, where Adam makes each as long as any other.
The minimum is found by L-BFGS on all labels at once, in some dozen evaluations. Where there are so many labels that it
takes hundreds, a descent on some of them at a time gives models as good after a third as many passes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from ase import Atoms

from al_core.config.training import AnchoredTuning, Training
from al_core.models.engine.gradient_features import mean_squared_gradients
from al_core.models.engine.stack import Stack
from al_core.models.training.descent import descend
from al_core.models.training.loss import Labelled, Targets, labels_of, loss
from al_core.models.training.parameters import Parameters
from al_core.models.training.task import TrainingTask

_DEFAULT = Training()  # with its weights in the loss, a label counts as the module's text says
_INDEPENDENT = 96  # force components of one structure that count at most; the others are wrong along with them
_ATOMS_AT_ONCE = 256
_STRUCTURES = 12  # of the pool, for the mean squared gradient
_MEMORY = 20  # steps that L-BFGS remembers
_ATOMS_A_BATCH = 64  # of the descent
_TOO_FAR = 10.0  # what a step that leaves no finite loss counts as, over the first losses


def fit(
    models: Stack,
    task: TrainingTask,
    settings: AnchoredTuning,
    sample_weights: np.ndarray | None,
    progress: Callable[[int], None],
) -> list[float | None]:
    """Minimise on all labels at once, or descend in batches; see :func:`al_core.models.training.tuning.fit`."""
    anchored = Anchored(models, settings, task)
    steps = task.settings.steps
    if settings.in_batches(len(task.labelled)):
        batched = replace(task, settings=_in_batches(settings, task))
        targets = partial(anchored.targets, standing_for=len(task.labelled))
        return descend(anchored, batched, sample_weights, _scaled(progress, steps, batched.settings.steps), targets)
    evaluations = min(settings.evaluations, steps)
    return _minimise(anchored, task, evaluations, sample_weights, _scaled(progress, steps, evaluations))


def _scaled(progress: Callable[[int], None], steps: int, units: int) -> Callable[[int], None]:
    """Return a callback for units of work that reports them as steps."""
    each = steps / max(1, units)
    return lambda done: progress(round(each * done))


class Anchored(Parameters):
    """All weights are free, and held at their start.

    Args:
        models: the stack as it starts.
        settings: what the prior and an energy weigh as much as.
        task: what will be learned. Structures of the pool are drawn by its seed; without any, from the labelled ones.
    """

    def __init__(self, models: Stack, settings: AnchoredTuning, task: TrainingTask) -> None:
        structures = list(task.unlabelled) or [atoms for atoms, _ in task.labelled]
        drawn = np.random.default_rng(task.seed).permutation(len(structures))[:_STRUCTURES]
        squares = mean_squared_gradients(models, [structures[index] for index in drawn])
        self._strength = settings.strength * squares.force
        self._energy = settings.energy_components * (squares.force / squares.energy)[:, None]
        stressed = squares.stress > 0  # a pool without volumes has no scale of stresses: none is learned then
        self._stress = torch.where(stressed, squares.force / squares.stress, 0.0)[:, None]
        super().__init__(models)
        self._starts = [leaf.detach().clone() for leaf in self.leaves]

    def penalty(self) -> torch.Tensor:
        """Return how improbable each member's weights are without the labels, [K]."""
        pairs = zip(self.leaves, self._starts, strict=True)
        return self._strength * torch.stack([(leaf - start).flatten(1).square().sum(1) for leaf, start in pairs]).sum(0)

    def targets(
        self,
        models: Stack,
        labelled: Sequence[Labelled],
        settings: Training,
        sample_weights: np.ndarray,
        standing_for: int = 0,
    ) -> Targets:
        """Return the labels of a batch with weights that make its loss a sum of squared errors, not a mean.

        Args:
            models, labelled, settings, sample_weights: as in :func:`al_core.models.training.loss.labels_of`.
            standing_for: labels that the batch is a sample of; only itself if not given.
        """
        count, atoms = len(labelled), sum(len(atoms) for atoms, _ in labelled)
        stresses = sum(label.stress is not None for _, label in labelled)
        counting = np.repeat([_counted(atoms) / len(atoms) for atoms, _ in labelled], [len(a) for a, _ in labelled])
        means = labels_of(models, labelled, settings, sample_weights)
        each = max(1.0, standing_for / count)
        energy, stress = self._energy / _DEFAULT.energy_weight, self._stress / _DEFAULT.stress_weight
        return replace(
            means,
            energy_weights=means.energy_weights * (each * count) * energy,
            stress_weights=means.stress_weights * (each * 6 * stresses) * stress,
            force_weights=means.force_weights * means.force_weights.new_tensor(each * counting * atoms),
        )


def _in_batches(tuning: AnchoredTuning, task: TrainingTask) -> Training:
    """Return the settings of a descent on batches that passes over the labels as often as the tuning says."""
    labelled, settings = task.labelled, task.settings
    atoms = sum(len(atoms) for atoms, _ in labelled)
    size = min(len(labelled), max(1, round(_ATOMS_A_BATCH * len(labelled) / atoms)))
    clip_norm = settings.clip_norm * sum(_counted(atoms) for atoms, _ in labelled)  # of sums, not of means
    steps = math.ceil(tuning.passes(settings.steps, len(labelled)) * len(labelled) / size)
    return settings.model_copy(update={"steps": steps, "batch_size": size, "clip_norm": clip_norm})


def _minimise(
    anchored: Anchored,
    task: TrainingTask,
    evaluations: int,
    sample_weights: np.ndarray | None,
    progress: Callable[[int], None],
) -> list[float | None]:
    """Train a stack in place by L-BFGS; return the losses that are left, None where one is not finite.

    Args:
        anchored: the stack and what holds it.
        task: the labels, and the weights of the loss.
        evaluations: of all labels, at most.
        sample_weights: what each label counts for each member, [K, n_labels]; all the same if not given.
        progress: called with the evaluations done.
    """
    models = anchored.models
    sample_weights = np.ones((1, len(task.labelled))) if sample_weights is None else sample_weights
    parts = _parts(anchored, task.labelled, task.settings, sample_weights)
    optimizer = torch.optim.LBFGS(
        anchored.leaves, max_iter=evaluations, max_eval=evaluations, history_size=_MEMORY, line_search_fn="strong_wolfe"
    )
    done, too_far = 0, 0.0

    def objective() -> torch.Tensor:
        nonlocal done, too_far
        optimizer.zero_grad()
        held = anchored.penalty()
        total = held.detach().clone()
        for batch, targets in parts:
            value = loss(models, models.weights, batch, targets)
            value.sum().backward()  # a part's memory is given back before the next
            total += value.detach()
        held.sum().backward()
        for leaf in anchored.leaves:
            assert leaf.grad is not None  # the anchor reaches every weight
            leaf.grad.nan_to_num_(0.0, 0.0, 0.0)  # a member that is lost stays where it is and leaves the others alone
        finite = total.isfinite()
        if not done:
            too_far = _TOO_FAR * float(total[finite].sum())
        done += 1
        progress(min(done, evaluations))
        return torch.where(finite, total, too_far).sum()  # so that the search turns back

    if evaluations:
        optimizer.step(objective)
    with torch.no_grad():
        last = torch.stack([loss(models, models.weights, batch, targets) for batch, targets in parts]).sum(0)
    return [float(value) if math.isfinite(value) else None for value in last]


def _counted(atoms: Atoms) -> int:
    """Return how many force components of a structure count."""
    return min(_INDEPENDENT, 3 * len(atoms))


def _parts(
    anchored: Anchored, labelled: Sequence[Labelled], settings: Training, sample_weights: np.ndarray
) -> list[tuple[object, Targets]]:
    """Return the labels in batches that fit into memory; their losses are sums and add up to that of all labels."""
    count, models = len(labelled), anchored.models
    prepared = models.network.prepare([atoms for atoms, _ in labelled])
    ends = np.cumsum([0, *(len(atoms) for atoms, _ in labelled)])
    parts, begin = [], 0
    for end in range(1, count + 1):
        if end == count or ends[end + 1] - ends[begin] > _ATOMS_AT_ONCE:
            targets = anchored.targets(models, labelled[begin:end], settings, sample_weights[:, begin:end])
            parts.append((models.network.join(prepared[begin:end]), targets))
            begin = end
    return parts
