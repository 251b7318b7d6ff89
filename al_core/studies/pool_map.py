"""The map of a study's structures: pool and test set in two dimensions, as a source model sees them.

Where structures lie near each other, the energies of their atoms answer alike to changes of the model's weights
(:func:`al_core.models.engine.gradient_features.energy_features`); the two dimensions are the principal components of
these features over all structures (K. Pearson, Phil. Mag. 2, 559 (1901)).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from al_core.config.target import Target, described_target
from al_core.models.committee import content_hash
from al_core.storage.files import write_json
from al_core.storage.hashing import digest, structure_id, structure_of
from al_core.structures.datasets import read_structures, slice_of
from al_core.studies.records import read_record
from al_core.studies.results import Row
from al_core.studies.workspace import Workspace

_SCHEMA = 1  # raised whenever the same inputs would give another map
_MOST = 1000  # structures of the pool: each takes a good part of a second, and a map of more is a blot


@dataclass(frozen=True)
class MapInputs:
    """Everything that shapes a map.

    Attributes:
        out: the study's folder.
        bundle: the source model.
        target: its element, or the elements of a compound.
        pool_hash, test_hash: content of the pool and of the labelled test set.
        device: where to compute; not part of the key.
        selected: structures of the pool that are on the map whatever its size; of a large pool others are drawn.
    """

    out: Path
    bundle: Path
    target: Target
    pool_hash: str
    test_hash: str
    device: str
    selected: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The hash of what shapes the map."""
        shaping = [_SCHEMA, content_hash([self.bundle]), described_target(self.target), self.pool_hash, self.test_hash]
        return digest([*shaping, sorted(self.selected)] if self.selected else shaping)


@dataclass(frozen=True)
class MapPoint:
    """A structure, by its id, its slice, and where it lies."""

    structure: str
    slice: str
    x: float
    y: float


@dataclass(frozen=True)
class PoolMap:
    """Pool and test set in two dimensions.

    Attributes:
        inputs: the key of what shaped it.
        explained: shares of the features' variance that lie along x and y.
        pool, test: the structures, in the order of their files.
    """

    inputs: str
    explained: tuple[float, float]
    pool: tuple[MapPoint, ...]
    test: tuple[MapPoint, ...]


def make_pool_map(inputs: MapInputs) -> None:
    """Write the map of a study's pool and test set, if it is not there yet."""
    workspace = Workspace(inputs.out)
    if is_mapped(inputs):
        return
    from al_core.models.bundle import load_bundle
    from al_core.models.engine.gradient_features import energy_features
    from al_core.models.engine.stack import pick_device
    from al_core.models.rescaling import relabel

    pool, test = _drawn(read_structures(workspace.pool), inputs.selected), read_structures(workspace.test)
    model = relabel(load_bundle(inputs.bundle), inputs.target)
    features = energy_features(model, [*pool, *test], pick_device(inputs.device))
    points, explained = principal_components(features)
    record = {
        "inputs": inputs.key,
        "explained": explained,
        "pool": _points(pool, points[: len(pool)]),
        "test": _points(test, points[len(pool) :]),
    }
    write_json(workspace.pool_map, record)


def is_large(pool: Sequence[object]) -> bool:
    """Return whether a pool has more structures than a map shows."""
    return len(pool) > _MOST


def _drawn(pool: Sequence[Atoms], selected: Sequence[str]) -> list[Atoms]:
    """Return the pool, of a large one what was selected and others drawn with a fixed seed, in its order."""
    if not is_large(pool):
        return list(pool)
    wanted = set(selected)
    drawn = set(np.random.default_rng(0).permutation(len(pool))[:_MOST].tolist())
    return [atoms for number, atoms in enumerate(pool) if number in drawn or structure_id(atoms) in wanted]


def is_mapped(inputs: MapInputs) -> bool:
    """Return whether the study's folder has the map of these inputs."""
    known = read_pool_map(inputs.out)
    return known is not None and known.inputs == inputs.key


def read_pool_map(out: Path) -> PoolMap | None:
    """Return the map in a study's folder, None where there is none."""
    record = read_record(Workspace(Path(out)).pool_map, "inputs", "explained", "pool", "test")
    if record is None:
        return None
    x, y = record["explained"]
    pool, test = (tuple(MapPoint(*values) for values in record[key]) for key in ("pool", "test"))
    return PoolMap(record["inputs"], (x, y), pool, test)


def principal_components(features: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Return the first two principal components of features, [n, 2], and their shares of the variance.

    The sign of a component is such that its largest value is positive.

    Args:
        features: [n, dimensions], two or more of both.
    """
    centred = features.astype(float) - features.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    scores = u[:, :2] * s[:2]
    largest = scores[np.abs(scores).argmax(axis=0), [0, 1]]
    shares = s[:2] ** 2 / max(float((s**2).sum()), np.finfo(float).tiny)
    return scores * np.where(largest < 0, -1, 1), [float(share) for share in shares]


def _points(structures: Sequence[Atoms], points: np.ndarray) -> list[list[str | float]]:
    """Return what :class:`MapPoint` is made from, JSON-ready."""
    return [
        [structure_id(atoms), slice_of(atoms), float(f"{x:.4g}"), float(f"{y:.4g}")]
        for atoms, (x, y) in zip(structures, points, strict=True)
    ]


@dataclass(frozen=True)
class Selected:
    """Which structures were selected, and when.

    Attributes:
        title: by what: the acquisition, and the arms that chose where not all have the same labels.
        budgets: the budget at which each structure was labelled, by its id.
    """

    title: str
    budgets: Mapping[str, int]


def selected_structures(rows: Iterable[Row]) -> list[Selected]:
    """Return what each acquisition selected with the first seed, for each arm where arms chose their own."""
    rows = list(rows)
    seed = min((row.seed for row in rows), default=0)
    comparison = "own" if any(row.comparison == "own" for row in rows) else "shared"
    found: dict[str, dict[str, dict[str, int]]] = {}
    for row in sorted(rows, key=lambda row: row.budget):
        if (row.comparison, row.seed) == (comparison, seed):
            budgets = found.setdefault(row.acquisition, {}).setdefault(row.arm, {})
            for key in row.labels:
                budgets.setdefault(structure_of(key), row.budget)
    selections = []
    for acquisition, arms in found.items():
        choosers: dict[tuple[tuple[str, int], ...], list[str]] = {}
        for arm, budgets in arms.items():
            choosers.setdefault(tuple(budgets.items()), []).append(arm)
        for chosen, names in choosers.items():
            title = acquisition if len(choosers) == 1 else f"{acquisition}, chosen by {', '.join(names)}"
            selections.append(Selected(title, dict(chosen)))
    return selections
