"""Model cards: what a bundle says of itself, read without torch.

A bundle is a folder with ``weights.safetensors`` and ``model.json``.
"""

from pathlib import Path
from typing import Any

from al_core.errors import BundleError
from al_core.storage.files import read_json
from al_core.storage.hashing import file_sha256

FORMAT = 1
WEIGHTS, CARD = "weights.safetensors", "model.json"
_REQUIRED = ("architecture", "elements", "avg_num_neighbors")


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
        if "element" in card:  # bundles of one element, as they were written first
            card["elements"] = [card.pop("element")]
        if missing := [key for key in _REQUIRED if key not in card]:
            raise BundleError(f"{folder}: corrupt bundle: {CARD} lacks {', '.join(missing)}")
        if card["weights_sha256"] != file_sha256(folder / WEIGHTS):
            raise BundleError(f"{folder}: corrupt bundle: {WEIGHTS} does not have the checksum that {CARD} states")
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{folder}: corrupt bundle: {CARD}: {type(error).__name__}: {error}") from error
    return dict(card)
