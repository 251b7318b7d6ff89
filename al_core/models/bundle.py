"""Model bundles: a folder with ``weights.safetensors`` and ``model.json``. Loading one executes no code."""

import hashlib
import json
import math
import os
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from ase.data import atomic_numbers
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from al_core.config.training import Architecture
from al_core.errors import BundleError
from al_core.models.card import CARD, FORMAT, WEIGHTS, read_card
from al_core.storage.files import atomic_path, write_text
from al_core.storage.hashing import digest, file_sha256


@dataclass(frozen=True)
class Bundle:
    """One model as data.

    Attributes:
        architecture: the hyperparameters the modules are built from. For a rescaled model the cutoff in ``weights``
            counts, not ``architecture.r_max``.
        elements: chemical symbols, in the order of the weights; units are eV and Å.
        avg_num_neighbors: the neighbour count messages are normalised by (mace keeps it outside its state dict).
        weights: mace's state dict.
        info: how the model came about; JSON-ready.
    """

    architecture: Architecture
    elements: tuple[str, ...]
    avg_num_neighbors: float
    weights: dict[str, torch.Tensor]
    info: dict[str, Any] = field(default_factory=dict)


def save_bundle(bundle: Bundle, folder: Path) -> None:
    """Write a bundle; it appears under its name only when it is complete. A finished bundle is left as it is."""
    folder = Path(folder)
    if (folder / CARD).exists():
        return
    temporary = folder.with_name(f".tmp-{uuid.uuid4().hex[:12]}-{folder.name}")
    temporary.mkdir(parents=True)
    try:
        with atomic_path(temporary / WEIGHTS) as weights:
            weights.write_bytes(save({name: tensor.contiguous() for name, tensor in bundle.weights.items()}))
        card = {
            "format": FORMAT,
            "architecture": bundle.architecture.model_dump(mode="json"),
            "elements": list(bundle.elements),
            "avg_num_neighbors": bundle.avg_num_neighbors,
            "units": {"energy": "eV", "length": "angstrom"},
            "weights_sha256": file_sha256(temporary / WEIGHTS),
            **bundle.info,
        }
        write_text(temporary / CARD, json.dumps(card, indent=1, allow_nan=False) + "\n")
        try:
            os.replace(temporary, folder)
        except OSError:
            if not (folder / CARD).exists():  # else another process has just finished the same bundle
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle.

    Raises:
        BundleError: no bundle, corrupt, or of another format.
    """
    card = read_card(folder)
    try:
        weights = load_file(Path(folder) / WEIGHTS)
        architecture = Architecture.model_validate(card.pop("architecture"))
        elements, neighbors = tuple(map(str, card.pop("elements"))), float(card.pop("avg_num_neighbors"))
        if not elements or not set(elements) <= set(atomic_numbers) or not 0 < neighbors < math.inf:
            raise ValueError(f"elements {', '.join(elements)}, {neighbors:g} neighbours")
    except (SafetensorError, ValidationError, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{folder}: corrupt bundle: {type(error).__name__}: {error}") from error
    info = {key: value for key, value in card.items() if key not in ("format", "units", "weights_sha256")}
    return Bundle(architecture, elements, neighbors, weights, info)


def bundle_hash(bundle: Bundle) -> str:
    """Return the hash of what a bundle computes: weights, architecture and neighbour count."""
    weights = hashlib.sha256(save({name: tensor.contiguous() for name, tensor in bundle.weights.items()})).hexdigest()
    architecture = bundle.architecture.model_dump(mode="json")
    return digest([weights, bundle.avg_num_neighbors, architecture, list(bundle.elements)])
