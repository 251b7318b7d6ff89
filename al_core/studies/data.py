"""Pool and test set of a study: built once, written to files, checked against each other."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.io import write

from al_core.config.base import nearest
from al_core.config.structures import BundledStructures, FilePool, FileStructures, HoldoutStructures, SampledStructures
from al_core.config.study import StudyConfig
from al_core.config.target import described_target, elements_of
from al_core.errors import ConfigError
from al_core.storage.files import atomic_path, read_json, write_json
from al_core.storage.hashing import digest, file_sha256, structure_id
from al_core.structures.datasets import (
    LabelKeys,
    bundled,
    checked_labels,
    labelled_structures,
    read_structures,
    slice_of,
    write_labelled,
)
from al_core.structures.distance import copies
from al_core.structures.making import make_structures
from al_core.studies.workspace import Workspace
from al_core.types import Label

Potential = Callable[[str], Calculator]
Progress = Callable[[int, int], None]

TEST_STRUCTURES = "test_structures.extxyz"
_INDEX = "data.json"
_POOL = 1  # tells the draw of a seed's pool from other draws of the seed


@dataclass(frozen=True)
class StudyData:
    """Ids of a study's structures.

    Attributes:
        pool: ids of the candidates, in the order of the pool's file.
        test: ids of the test set.
        unlabelled_test: whether the test set still has to be labelled by the study's labeler.
    """

    pool: tuple[str, ...]
    test: tuple[str, ...]
    unlabelled_test: bool


def prepare_data(
    config: StudyConfig,
    workspace: Workspace,
    potential: Potential,
    progress: Progress,
    labeler: Mapping[str, Any],
) -> StudyData:
    """Build pool and test set (or find them built before) and return their ids.

    ``labeler`` is the identity of what labels the test set, where the study does.

    Structures to be labelled are in ``pool.extxyz`` and ``test_structures.extxyz``; a test set that comes with labels
    is written to ``test.extxyz`` at once.

    Raises:
        ConfigError: pool and test set share a structure or hold copies, or the pool is smaller than the largest budget.
    """
    key = digest(
        [
            described_target(config.target),
            described(config.pool),
            described(config.test),
            _labeler_of_test_set(config, labeler),
        ]
    )
    if (known := _prepared_before(workspace, key)) is not None:
        return known
    pool = unique(pool_structures(config, potential, progress))
    labelled_test: list[tuple[Atoms, Label]] = []
    if config.test.kind in ("bundled", "file"):
        labelled_test = file_or_bundled(config.test)
        test = [atoms for atoms, _ in labelled_test]
    elif isinstance(config.test, SampledStructures):
        test = make_structures(config.test, elements_of(config.target), potential, "test", progress)
    elif config.test.kind == "holdout":
        pool, test = hold_out(pool, config.test.size, config.test.seed)
    check_apart(pool, test)
    check_pool_size([slice_of(atoms) for atoms in pool], config)
    workspace.out.mkdir(parents=True, exist_ok=True)
    (workspace.out / _INDEX).unlink(missing_ok=True)  # no index while the files change
    write_structures(workspace.pool, pool)
    write_structures(workspace.out / TEST_STRUCTURES, test)
    workspace.test.unlink(missing_ok=True)
    if labelled_test:
        write_labelled(workspace.test, labelled_test)
    data = StudyData(
        tuple(structure_id(atoms) for atoms in pool), tuple(structure_id(atoms) for atoms in test), not labelled_test
    )
    write_json(
        workspace.out / _INDEX,
        {"inputs": key, "pool": data.pool, "test": data.test, "unlabelled_test": data.unlabelled_test},
    )
    return data


def _prepared_before(workspace: Workspace, key: str) -> StudyData | None:
    """Return the data of the same key if all of their files are there."""
    files = [workspace.out / _INDEX, workspace.out / TEST_STRUCTURES, workspace.pool]
    if not all(file.exists() for file in files):
        return None
    known = read_json(workspace.out / _INDEX)
    if known["inputs"] != key or not (known["unlabelled_test"] or workspace.test.exists()):
        return None
    return StudyData(tuple(known["pool"]), tuple(known["test"]), known["unlabelled_test"])


def described(settings: SampledStructures | FileStructures | BundledStructures | HoldoutStructures) -> dict[str, Any]:
    """Return the settings of structures, with the content of a file in place of its path, JSON-ready."""
    description = settings.model_dump(mode="json")
    if settings.kind == "file":
        description["path"] = file_sha256(settings.path)
    elif settings.kind == "rattled" and settings.crystal.path:
        description["crystal"]["path"] = file_sha256(settings.crystal.path)
    elif settings.kind == "bundled":
        description["name"] = bundled(settings.name).sheet["sha256"]
    return description


def _labeler_of_test_set(config: StudyConfig, labeler: Mapping[str, Any]) -> dict[str, Any]:
    """Return the identity of what decides the labels of the test set, where the study computes them."""
    return {} if config.test.kind in ("file", "bundled") else dict(labeler)


def hash_of_test_set(workspace: Workspace) -> str:
    """Return the content hash of the labelled test set."""
    return file_sha256(workspace.test)


def pool_structures(config: StudyConfig, potential: Potential, progress: Progress) -> list[Atoms]:
    """Return the candidates a config describes, before anything is held out."""
    if isinstance(config.pool, SampledStructures):
        return make_structures(config.pool, elements_of(config.target), potential, "pool", progress)
    return given_structures(config.pool)


def given_structures(settings: FileStructures | BundledStructures) -> list[Atoms]:
    """Return the structures of a shipped data set or a file, slices under ``config_type``."""
    if settings.kind == "bundled":
        return read_structures(bundled(settings.name).path)
    at_most = settings.at_most if isinstance(settings, FilePool) else None
    if at_most is None or not settings.path.is_file():
        return with_slices(read_structures(settings.path), settings.slice_key)
    file = settings.path.stat()
    drawn = _drawn(settings.path, at_most, (file.st_size, file.st_mtime_ns))
    return with_slices([atoms.copy() for atoms in drawn], settings.slice_key)


@lru_cache(maxsize=1)
def _drawn(path: Path, at_most: int, of_file: tuple[int, int]) -> tuple[Atoms, ...]:  # noqa: ARG001 (of the key)
    """Return the structures drawn from a file, which is read once a command, for that takes minutes."""
    return tuple(read_structures(path, at_most))


def file_or_bundled(settings: FileStructures | BundledStructures) -> list[tuple[Atoms, Label]]:
    """Return structures and labels of a shipped data set or a file, slices under ``config_type``."""
    if settings.kind == "bundled":
        return labelled_structures(bundled(settings.name).path, LabelKeys())
    labelled = checked_labels(settings.path, LabelKeys.of(settings))
    with_slices([atoms for atoms, _ in labelled], settings.slice_key)
    return labelled


def with_slices(structures: list[Atoms], key: str) -> list[Atoms]:
    """Put each structure's slice under ``config_type``."""
    for atoms in structures:
        atoms.info["config_type"] = str(atoms.info.get(key, "all"))
    return structures


def unique(structures: Sequence[Atoms]) -> list[Atoms]:
    """Return the structures without repetitions."""
    return list({structure_id(atoms): atoms for atoms in structures}.values())


def hold_out(pool: Sequence[Atoms], size: int, seed: int) -> tuple[list[Atoms], list[Atoms]]:
    """Return (rest, held out): ``size`` structures spread over the groups (``config_type``) in proportion.

    Every group gives at least one structure while there are enough to hold out.
    """
    if size >= len(pool):
        raise ConfigError(f"test.size: {size} of {len(pool)} structures cannot be held out; the pool would be empty")
    rng = np.random.default_rng(seed)
    groups: dict[str, list[int]] = {}
    for index in rng.permutation(len(pool)):
        groups.setdefault(str(pool[index].info["config_type"]), []).append(int(index))
    taken = dict.fromkeys(sorted(groups), 0)
    for _ in range(size):
        # the group that is furthest behind its share gives the next one
        neediest = max(
            (name for name in taken if taken[name] < len(groups[name])),
            key=lambda name: (taken[name] == 0, len(groups[name]) / len(pool) * size - taken[name]),
        )
        taken[neediest] += 1
    held = sorted(index for name, number in taken.items() for index in groups[name][:number])
    rest = sorted(set(range(len(pool))) - set(held))
    return [pool[index] for index in rest], [pool[index] for index in held]


def check_apart(pool: Sequence[Atoms], test: Sequence[Atoms], where: str = "the pool") -> None:
    """Check that test structures are unseen.

    Args:
        pool: the structures that can be trained on.
        test: the test set.
        where: what ``pool`` is.

    Raises:
        ConfigError: a test structure is in the pool, or is a copy of one; see :mod:`al_core.structures.distance`.
    """
    shared = {structure_id(atoms) for atoms in pool} & {structure_id(atoms) for atoms in test}
    if shared:
        raise ConfigError(
            f"test: {len(shared)} of its structures are in {where} too, for example {sorted(shared)[0]}; "
            "test data must be unseen: use other structures"
        )
    if found := copies(pool, test):
        pair = found[0]
        raise ConfigError(
            f"test: structure {pair.test} ({structure_id(test[pair.test])}) is a copy of structure {pair.pool} of "
            f"{where} ({structure_id(pool[pair.pool])}), {pair.distance_A:.3f} Å apart, the nearest of {len(found)} "
            "such pairs; "
            "test data must be unseen: remove the copies from one of the two"
        )


def drawn_of_pool(size: int, share: float, seed: int) -> list[int]:
    """Return which structures of a pool a seed has, ascending."""
    return sorted(np.random.default_rng([_POOL, seed]).permutation(size)[: int(share * size)].tolist())


def check_pool_size(slices: Sequence[str], config: StudyConfig) -> None:
    """Check that the pool, and what of it each acquisition selects from, can serve the largest budget.

    Args:
        slices: the slice of each structure of the pool.
        config: the study.

    Raises:
        ConfigError: there are too few structures, or a slice is not there.
    """
    largest, counts = config.budgets[-1], Counter(slices)
    share = config.pool_share
    of_these = f", and each seed {share:g} of them (pool_share)" if share < 1 else ""
    if largest > int(share * len(slices)):
        raise ConfigError(
            f"budgets: the largest is {largest}, the pool has {len(slices)} structures{of_these}; lower it or enlarge "
            "the pool"
        )
    for acquisition in config.acquisitions:
        for name in acquisition.slices:
            if name not in counts:
                raise ConfigError(
                    f"acquisitions: {acquisition.title} selects from slice {name!r}, which the pool does not have"
                    f"{nearest(name, list(counts))}"
                )
        if not acquisition.slices:
            continue
        inside = [name in acquisition.slices for name in slices]
        available = min(sum(inside[n] for n in drawn_of_pool(len(slices), share, seed)) for seed in config.seeds)
        if largest > available:
            fewest = f", and the seed with the fewest {available} of them (pool_share={share:g})" if share < 1 else ""
            raise ConfigError(
                f"budgets: the largest is {largest}, the slices of {acquisition.title} "
                f"({', '.join(acquisition.slices)}) have {sum(inside)} structures{fewest}; lower it or enlarge them"
            )


def write_structures(path: Path, structures: Sequence[Atoms]) -> None:
    """Write structures and their slices, without labels, as extxyz."""
    plain = [
        Atoms(
            atoms.numbers,
            atoms.positions,
            cell=atoms.cell,
            pbc=atoms.pbc,
            info={"config_type": atoms.info["config_type"]},
        )
        for atoms in structures
    ]
    with atomic_path(path) as temporary:
        write(temporary, plain, format="extxyz")
