"""Content keys. Everything that is paid for is found again by the hash of what went into it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

DIGITS = 6  # positions and cells that agree to 1e-6 Å are the same structure


def digest(value: Any) -> str:
    """Return 16 hex digits of the SHA-256 of a JSON-ready value, independent of key order."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_sha256(path: Path) -> str:
    """Return the full SHA-256 of a file, hex."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def structure_id(atoms: Atoms) -> str:
    """Return the id of a structure: a hash of elements, cell, positions (rounded to 1e-6 Å) and periodicity.

    The order of atoms counts; labels, velocities and ``info`` do not.
    """
    sha = hashlib.sha256()
    sha.update(np.asarray(atoms.numbers, dtype="<i8").tobytes())
    sha.update(np.asarray(atoms.pbc, dtype=bool).tobytes())
    for array in (atoms.cell.array, atoms.positions):
        # + 0.0 turns -0.0 into 0.0
        sha.update((np.round(np.asarray(array, dtype="<f8"), DIGITS) + 0.0).tobytes())
    return sha.hexdigest()[:16]


def level_of(key: str) -> str:
    """Return the level of theory of a label key; no level reads as a number."""
    return f"T{key.rpartition('-')[2]}"


def structure_of(key: str) -> str:
    """Return the id of the structure that a label key is of."""
    return key.removeprefix("L").rpartition("-")[0]


def label_key(structure: str, labeler_identity: dict[str, Any]) -> str:
    """Return the key a label is paid for once under: structure id and a hash of the labeler's identity."""
    return f"L{structure}-{digest(labeler_identity)}"
