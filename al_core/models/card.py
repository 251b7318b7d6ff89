"""Model cards: what a bundle says of itself, read without torch.

A bundle is a folder with ``weights.safetensors`` and ``model.json``; a committee is a folder of bundles ``member-0``,
``member-1``, ...
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from al_core.errors import BundleError, ConfigError
from al_core.storage.files import read_json
from al_core.storage.hashing import digest, file_sha256

FORMAT = 1
WEIGHTS, CARD = "weights.safetensors", "model.json"
_REQUIRED = ("architecture", "element", "avg_num_neighbors")
_SHIPPED = Path(__file__).parents[1] / "assets" / "models"


def read_card(folder: Path) -> dict[str, Any]:
    """Return a bundle's ``model.json``, its format and the checksum of its weights verified.

    Raises:
        BundleError: no bundle, corrupt, or of another format.
    """
    folder = Path(folder)
    if not (folder / CARD).is_file() or not (folder / WEIGHTS).is_file():
        raise BundleError(f"{folder}: no model bundle (a folder with {CARD} and {WEIGHTS})")
    try:
        card = read_json(folder / CARD)
        if card["format"] != FORMAT:
            raise BundleError(f"{folder}: bundle format {card['format']}, this Graft reads format {FORMAT}")
        if missing := [key for key in _REQUIRED if key not in card]:
            raise BundleError(f"{folder}: corrupt bundle: {CARD} lacks {', '.join(missing)}")
        if card["weights_sha256"] != file_sha256(folder / WEIGHTS):
            raise BundleError(f"{folder}: corrupt bundle: {WEIGHTS} does not have the checksum that {CARD} states")
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{folder}: corrupt bundle: {CARD}: {type(error).__name__}: {error}") from error
    return dict(card)


def committee_folders(folder: Path) -> list[Path]:
    """Return the bundles of a committee's folder, in the order of their numbers.

    Raises:
        BundleError: there are none.
    """
    members = [path for path in Path(folder).glob("member-*") if re.fullmatch("member-[0-9]+", path.name)]
    folders = sorted(members, key=lambda path: int(path.name.removeprefix("member-")))
    if not folders:
        raise BundleError(f"{folder}: no committee (a folder of bundles member-0, member-1, ...)")
    return folders


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


def shipped_committees() -> list[str]:
    """Return the names of the committees shipped with Graft."""
    return sorted(path.name for path in _SHIPPED.glob("*") if path.is_dir())


def shipped_committee(name: str) -> Path:
    """Return the folder of a committee shipped with Graft.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in shipped_committees():
        raise ConfigError(f"no committee {name!r} is shipped (there are: {', '.join(shipped_committees()) or 'none'})")
    return _SHIPPED / name
