"""Whether a transfer will help, estimated before any label of the target.

Two things decide it: how far the target's lengths are from the source's, and how much the source's models disagree on
the target's structures, each as the arm starts from them. ``transfer`` starts from the source as it is, to which bonds
of another length are strained ones. ``rescaled`` starts on the target's lengths, and what is left is whether the source
has ever seen such surroundings: one of open crystals knows nothing of dense ones, the other way round it does.

    ln(error / error of scratch) = a + b |ln(length ratio)| + c ln(disagreement)

with the error of forces after a few labels. The coefficients of the two arms are those of ordinary least squares on
182 ordered pairs of fourteen elements with classical potentials, in diamond, fcc and bcc, by models of eight channels
with two and eight labels (``python -m benchmarks.transferability``; docs/results/transferability.md has how well pairs
were foreseen whose elements had no part in the fit).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import exp, log

import numpy as np
import torch
from ase import Atoms

from al_core.config.target import Target
from al_core.models.arms import ARMS
from al_core.models.arms.rescaled import physical_guess
from al_core.models.bundle import Bundle
from al_core.models.prediction import predict
from al_core.models.rescaling import output_scale
from al_core.structures.shells import bond_length

_STRUCTURES = 48  # of the target that are looked at, taken evenly
_NO_DISAGREEMENT = 1e-6  # of perfect crystals, whose forces vanish whatever a model says
_SURE = 1.645  # standard deviations: 90 % are within


@dataclass(frozen=True)
class Fit:
    """What an arm's errors follow.

    Attributes:
        constant, length, disagreement: coefficients of the equation above.
        deviation: root mean square of what it misses pairs by whose elements had no part in the fit.
    """

    constant: float
    length: float
    disagreement: float
    deviation: float


FITS = {"transfer": Fit(0.17, 2.66, 0.18, 0.56), "rescaled": Fit(-0.45, 0.62, 0.17, 0.34)}


@dataclass(frozen=True)
class Transferability:
    """What an arm is expected to make of a source.

    Attributes:
        length_ratio: bond lengths of the target over those of the source.
        disagreement: root mean square over force components of the standard deviation between the arm's starting
            models on the target's structures, over the root mean square force that they were trained on.
        error_ratio: expected force error over that of scratch, with a few labels.
        low, high: 90 % of pairs are between.
    """

    length_ratio: float
    disagreement: float
    error_ratio: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """``helps`` or ``harms`` where nine in ten pairs like it do, else ``may help`` or ``may harm``."""
        if self.high < 1 or self.low > 1:
            return "helps" if self.high < 1 else "harms"
        return "may help" if self.error_ratio < 1 else "may harm"

    def as_dict(self) -> dict[str, float]:
        """Return a JSON-ready dictionary."""
        return asdict(self)


def transferability(
    arm: str, source: Sequence[Bundle], target: Target, structures: Sequence[Atoms], device: torch.device
) -> Transferability | None:
    """Return what to expect of an arm.

    None where its kind was never measured, one model has nobody to disagree with, or all forces vanish by symmetry.

    Args:
        arm: its kind.
        source: the source committee.
        target: its element, or the elements of a compound with those they start from.
        structures: of the target, unlabelled; at most 48 are looked at.
        device: where to compute.
    """
    fit = FITS.get(arm)
    if fit is None or len(source) < 2 or not structures:
        return None
    length_ratio, disagreement = measured(arm, source, target, structures, device)
    if disagreement < _NO_DISAGREEMENT:
        return None
    expected = fit.constant + fit.length * abs(log(length_ratio)) + fit.disagreement * log(disagreement)
    low, high = (exp(expected + side * _SURE * fit.deviation) for side in (-1, 1))
    return Transferability(length_ratio, disagreement, exp(expected), low, high)


def measured(
    arm: str, source: Sequence[Bundle], target: Target, structures: Sequence[Atoms], device: torch.device
) -> tuple[float, float]:
    """Return length ratio and disagreement; see :class:`Transferability`."""
    some = [structures[i] for i in np.linspace(0, len(structures) - 1, min(len(structures), _STRUCTURES)).astype(int)]
    start = ARMS[arm](source, [], target, 0, device, some)
    length_ratio = physical_guess(source[0], target, bond_length(some)).length
    forces = predict(start, some, device).forces
    deviations = np.concatenate([one.std(axis=0, ddof=1).ravel() for one in forces])
    unit = np.mean([output_scale(bundle) for bundle in start]) / (length_ratio if arm == "rescaled" else 1.0)
    return length_ratio, float(np.sqrt((deviations**2).mean()) / unit)
