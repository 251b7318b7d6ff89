"""A model that is linear in its weights, with a Gaussian prior: what labels leave of the variance of its weights.

Gradient features are scaled such that the root mean square error over the candidates is 0.1 eV/Å before there is a
label, of which a label leaves 0.05 eV/Å. For energies only the ratio of the two counts. What is computed of many
structures goes through slices of them, so that 100,000 candidates need little more memory than their features.
"""

from collections.abc import Iterable, Iterator

import numpy as np

EXPECTED = 0.10  # eV/Å; root mean square force error before there is a label
LEFT = 0.05  # eV/Å; what no label takes away
_AT_ONCE = 2048  # structures


def slices(count: int) -> Iterator[slice]:
    """Give slices of few structures: what is computed of them at once takes little memory."""
    for first in range(0, count, _AT_ONCE):
        yield slice(first, first + _AT_ONCE)


def parts(features: np.ndarray) -> Iterator[np.ndarray]:
    """Give the features of few structures at a time, [few, rows, dimensions]."""
    for part in slices(len(features)):
        yield features[part]


def scale_of(features: np.ndarray) -> float:
    """Return what turns features, [n, rows, dimensions], into expected errors, eV/Å."""
    squares = sum(float((part.astype(float) ** 2).sum()) for part in parts(features))
    return float(EXPECTED / np.sqrt(squares / (features.shape[0] * features.shape[1]))) if squares else 1.0


def shown(features: np.ndarray, components: np.ndarray | None, scale: float) -> np.ndarray:
    """Return what features are multiplied by for what labels show, [n, 1, 1], eV/Å.

    Rows are a sample of a structure's force components. Scaled so, their outer products sum to those of all of them: a
    label of many atoms says more than one of few.

    Args:
        features: [n, rows, dimensions].
        components: of each structure, [n]; None where a row is all that a label shows.
        scale: turns features into errors, eV/Å.
    """
    if components is None:
        return np.full((len(features), 1, 1), scale)
    return np.asarray(scale * np.sqrt(components / features.shape[1])[:, None, None])


def strengths(features: np.ndarray, scale: float) -> np.ndarray:
    """Return the expected error of each structure over that of all, root mean squares, [n, 1, 1].

    Of a structure that no weight changes it is one: a label of it says nothing anyway.
    """
    squares = [(part.astype(float) ** 2).sum(axis=2).mean(axis=1) for part in parts(features)] or [np.empty(0)]
    found = scale / EXPECTED * np.sqrt(np.concatenate(squares))
    return np.asarray(np.where(found > 0, found, 1.0)[:, None, None])


def noise(rows: int) -> np.ndarray:
    """Return the covariance of what a label leaves, (eV/Å)^2, [rows, rows]."""
    return np.asarray(LEFT**2 * np.eye(rows))


def given(covariance: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the covariance of the weights, [dimensions, dimensions], once what is behind scaled rows is known."""
    seen = covariance @ rows.T
    own = rows @ seen + noise(len(rows))
    return np.asarray(covariance - seen @ np.linalg.solve(own, seen.T))


def covariance_given(dimensions: int, labelled: Iterable[np.ndarray]) -> np.ndarray:
    """Return the covariance of the weights once structures have labels, of scaled rows [rows, dimensions] each."""
    covariance = np.eye(dimensions)
    for rows in labelled:
        covariance = given(covariance, rows)
    return covariance
