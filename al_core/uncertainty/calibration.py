"""What a committee's disagreement stands for: its scale, and intervals that cover what they say.

The members of a committee that start alike share their errors, so their forces disagree by less than they are wrong.
One factor mends that in the mean; the single structures it is taken from must be none that the models were trained on,
or were chosen for being uncertain.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import pi, sqrt
from typing import Any

import numpy as np
from scipy.stats import t

LEVELS = (0.68, 0.90, 0.95)
_ROUNDING = 1e-9
_LEAST = 0.002  # eV/Å: two models agree by chance, and a disagreement below it stands for nothing


@dataclass(frozen=True)
class Residuals:
    """A structure that was predicted by models which did not know it.

    Attributes:
        errors: of the mean force, predicted minus labelled, eV/Å, [n_atoms, 3].
        deviations: how far the members disagree about each atom's force, eV/Å, [n_atoms].
    """

    errors: np.ndarray
    deviations: np.ndarray

    def z(self, scale: float = 1.0) -> np.ndarray:
        """Return the errors of the components in expected standard deviations, [n_atoms, 3]."""
        return np.asarray(self.errors / (scale * component_deviations(self.deviations)[:, None]))


@dataclass(frozen=True)
class Calibration:
    """How errors follow from disagreement.

    Attributes:
        scale: errors in units of the disagreement, root mean square; 1 where nothing was measured.
        structures: how many structures it was measured on.
        widths: half the width of the interval that covers a share of the force components, in expected standard
            deviations, by that share.
        force_mae: of these structures, predicted by models that did not know them, eV/Å; None without any.
        mean_error: the mean absolute error of a force component in units of the disagreement; None, as of calibrations
            of before, for that of a normal distribution with this scale.
    """

    scale: float = 1.0
    structures: int = 0
    widths: tuple[tuple[float, float], ...] = ()
    force_mae: float | None = None
    mean_error: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Calibration":
        """Return it from :meth:`as_dict`."""
        widths = tuple((float(level), float(width)) for level, width in values["widths"])
        mae = None if values["force_mae"] is None else float(values["force_mae"])
        mean = None if values.get("mean_error") is None else float(values["mean_error"])
        return cls(float(values["scale"]), int(values["structures"]), widths, mae, mean)

    def expected_errors(self, deviations: np.ndarray) -> np.ndarray:
        """Return the expected mean absolute error of each atom's force components, eV/Å, [n_atoms].

        Their mean over many structures is what counts, and the disagreement of these is known: the ratio estimate of a
        mean (W. Cochran, Sampling Techniques, 1977, chapter 6). The scale's square would be one odd structure's.
        """
        factor = self.scale * sqrt(2 / pi) if self.mean_error is None else self.mean_error
        return factor * component_deviations(deviations)

    def uncertainties(self, deviations: np.ndarray) -> np.ndarray:
        """Return the expected standard deviation of the error of each atom's force, eV/Å, [n_atoms].

        The root of the three components' summed variances, as the disagreement itself.
        """
        return self.scale * sqrt(3) * component_deviations(deviations)


def component_deviations(deviations: np.ndarray) -> np.ndarray:
    """Return the standard deviation of one force component of each atom of a structure, eV/Å, [n_atoms].

    Of a few members' forces the disagreement about one atom is hardly an estimate: its variance is taken half from the
    atom and half from all atoms of the structure (moderated as by G. Smyth, Stat. Appl. Genet. Mol. Biol. 3, 3 (2004)).
    It is 2 meV/Å at least.

    Args:
        deviations: roots of the three components' summed variances, eV/Å, [n_atoms].
    """
    variances = np.asarray(deviations, dtype=float) ** 2 / 3
    return np.asarray(np.maximum(np.sqrt((variances + variances.mean()) / 2), _LEAST))


def calibration(residuals: Sequence[Residuals]) -> Calibration:
    """Return the calibration that residuals of structures say, each structure counting the same.

    The scale makes the mean squared z one (P. Pernot, arXiv:2310.11978), the mean error is the ratio of two means over
    the structures, of errors and of disagreement. The widths are quantiles of the z of all
    structures, pooled (R. Dunn, L. Wasserman and A. Ramdas, J. Am. Stat. Assoc. 118, 2491 (2023)), where there are
    enough: one structure in ten must be able to lie beyond the interval of 90 %, so that it takes nine, and nineteen
    for 95 %. With fewer they are those of Student's distribution, with as many degrees of freedom as there are
    structures. A wider share never has a narrower interval.

    Args:
        residuals: none for a committee that was never tested: its disagreement is taken as it is.
    """
    if not residuals:
        return Calibration(widths=tuple((level, float(t.ppf((1 + level) / 2, 1))) for level in LEVELS))
    n = len(residuals)
    scale = sqrt(float(np.mean([(one.z() ** 2).mean() for one in residuals])))
    sizes = [np.abs(one.z(scale)).ravel() for one in residuals]
    values = np.concatenate(sizes)
    shares = np.concatenate([np.full(len(one), 1 / len(one)) for one in sizes]) / n
    order = np.argsort(values)
    pooled = np.cumsum(shares[order])
    widths, least = [], 0.0
    for level in LEVELS:
        enough = n + 1 >= 1 / (1 - level) - _ROUNDING
        first = min(int(np.searchsorted(pooled, level - _ROUNDING)), len(values) - 1)
        least = max(least, float(values[order[first]]) if enough else float(t.ppf((1 + level) / 2, n)))
        widths.append((level, least))
    mae = float(np.mean([np.abs(one.errors).mean() for one in residuals]))
    disagreement = float(np.mean([component_deviations(one.deviations).mean() for one in residuals]))
    return Calibration(scale, n, tuple(widths), mae, mae / disagreement)


@dataclass(frozen=True)
class Reliability:
    """How a calibration holds on structures that it knows nothing of.

    Attributes:
        zms: mean squared z, each structure counting the same; 1 where the expected errors are as large as the errors.
        coverage: share of the force components within the interval, by the share that it should cover.
        structures: their number.
    """

    zms: float
    coverage: tuple[tuple[float, float], ...]
    structures: int


def reliability(found: Calibration, residuals: Sequence[Residuals]) -> Reliability:
    """Return how a calibration holds on structures, at least one."""
    z = [one.z(found.scale) for one in residuals]
    covered = tuple(
        (level, float(np.mean([(np.abs(one) <= width).mean() for one in z]))) for level, width in found.widths
    )
    return Reliability(float(np.mean([(one**2).mean() for one in z])), covered, len(z))
