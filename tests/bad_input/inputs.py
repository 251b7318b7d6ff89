"""The small study and the small growth of these tests, and the files a user gives: structures, labels, bundles."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io import write

from al_core.storage.hashing import file_sha256

STUDY = """\
name: small
target: Ge
source:
  kind: pretrain
  element: Si
  structures:
    kind: md
    slices:
      - {name: cold, count: 10, temperature_K: 300}
      - {name: hot, count: 6, temperature_K: 1500}
  labeler: stillinger_weber
  committee: 2
  model: {channels: 8}
labeler: stillinger_weber
pool:
  kind: md
  seed: 2
  slices:
    - {name: cold, count: 6, temperature_K: 300}
    - {name: hot, count: 4, temperature_K: 1500}
test:
  kind: md
  seed: 3
  slices:
    - {name: cold-too, count: 3, temperature_K: 300}
budgets: [1, 2, 4]
arms: [scratch, transfer, rescaled]
acquisitions: [random, uncertainty]
seeds: [0]
committee: 2
"""

GROWTH = """\
name: small
target: Ge
source:
  kind: pretrain
  element: Si
  structures:
    kind: md
    slices:
      - {name: cold, count: 10, temperature_K: 300}
  labeler: stillinger_weber
  committee: 2
  model: {channels: 8}
labeler: stillinger_weber
committee: 2
"""

Refused = Callable[..., str]  # the type of the fixtures that run Graft and return what it says


def germanium(seed: int, element: str = "Ge") -> Atoms:
    atoms = bulk(element, "diamond", a=5.66, cubic=True)
    atoms.positions += np.random.default_rng(seed).normal(0, 0.05, atoms.positions.shape)
    return atoms


def labelled(seed: int, element: str = "Ge", energy: str = "REF_energy", forces: str = "REF_forces") -> Atoms:
    atoms = germanium(seed, element)
    atoms.info[energy] = -30.0
    atoms.arrays[forces] = np.full((len(atoms), 3), 0.1)
    return atoms


def file_of(name: str, *frames: Atoms) -> str:
    """Write an extxyz file and return the YAML of the structures in it."""
    write(name, list(frames), format="extxyz")
    return f"{{kind: file, path: {name}}}"


def bundles(folder: str, *elements: str) -> Path:
    """Make a committee as far as its cards go."""
    for number, element in enumerate(elements):
        member = Path(folder) / f"member-{number}"
        member.mkdir(parents=True)
        (member / "weights.safetensors").write_bytes(os.urandom(64))
        sha = file_sha256(member / "weights.safetensors")
        card = {"format": 1, "weights_sha256": sha, "elements": [element], "architecture": {}, "avg_num_neighbors": 4.0}
        (member / "model.json").write_text(json.dumps(card, indent=1))
    return Path(folder)
