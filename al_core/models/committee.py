"""Committees: folders of bundles ``member-0``, ``member-1``, ..., read without torch."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from al_core.errors import BundleError
from al_core.models.card import CARD, read_card
from al_core.storage.files import read_json
from al_core.storage.hashing import digest
from al_core.uncertainty.calibration import Calibration

CALIBRATION = "calibration.json"


def committee_folders(folder: Path) -> list[Path]:
    """Return the bundles of a committee's folder, in the order of their numbers.

    Raises:
        BundleError: there are none.
    """
    if Path(folder).is_file():
        raise BundleError(_no_folder(Path(folder)))
    members = [path for path in Path(folder).glob("member-*") if re.fullmatch("member-[0-9]+", path.name)]
    folders = sorted(members, key=lambda path: int(path.name.removeprefix("member-")))
    if not folders:
        raise BundleError(f"{folder}: no committee (bundles member-0, member-1, ...); `graft pretrain` makes one")
    return folders


def _no_folder(file: Path) -> str:
    return (
        f"{file}: is a file; a bundle is a folder with {CARD}: that which the file was exported from, or for any model "
        "of mace what `graft convert --trust` makes of it"
    )


def bundle_folders(folder: Path) -> list[Path]:
    """Return the bundle itself, or the members of a committee's folder, their cards verified.

    Raises:
        BundleError: the folder is neither, or a bundle is corrupt.
    """
    folder = Path(folder)
    if folder.is_file():
        raise BundleError(_no_folder(folder))
    if not folder.is_dir():
        raise BundleError(f"{folder}: no such folder; a bundle is a folder with {CARD}")
    folders = [folder] if (folder / CARD).exists() or not list(folder.glob("member-*")) else committee_folders(folder)
    for one in folders:
        read_card(one)
    return folders


def read_calibration(folder: Path) -> Calibration | None:
    """Return what the disagreement of a committee's folder stands for, None where that was not measured.

    Raises:
        BundleError: its file is corrupt.
    """
    file = Path(folder) / CALIBRATION
    if not file.is_file():
        return None
    try:
        return Calibration.from_dict(read_json(file))
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{file}: corrupt: {type(error).__name__}: {error}") from error


def content_hash(folders: Sequence[Path]) -> str:
    """Return the hash of what bundles compute: weights, architecture and neighbour counts, in this order."""
    cards = [read_card(folder) for folder in folders]
    return digest([[card["weights_sha256"], card["avg_num_neighbors"], card["architecture"]] for card in cards])


def seed_members(folders: Sequence[Path], k: int, seed: int) -> tuple[Path, ...]:
    """Return the k source models of a seed, drawn without replacement.

    Where a committee chooses structures, the source models are all that can differ between the seeds of an arm that
    starts from them: with the same models for every seed the seeds would be copies of each other.
    """
    chosen = np.random.default_rng(seed).permutation(len(folders))[:k]
    return tuple(folders[index] for index in sorted(chosen))
