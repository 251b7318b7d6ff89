"""Where structures lie, as a model sees them: features that are computed once, and found again.

A file has the features of many structures to one model, and the key of what they depend on beside the structure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from al_core.config.target import Target, described_target
from al_core.models.committee import content_hash
from al_core.storage.files import read_arrays, write_arrays
from al_core.storage.hashing import digest, structure_id
from al_core.structures.datasets import read_structures
from al_core.studies.workspace import Workspace

SCHEMA = 1  # of keys, raised whenever the same inputs would give other features
MAP = "map"  # name of the features that a growth's map is drawn from
_MOST = 5000  # structures in a file: with eight rows each 40 MB


def features_of(
    file: Path, key: str, structures: Sequence[Atoms], compute: Callable[[list[Atoms]], np.ndarray]
) -> np.ndarray:
    """Return the features of structures, [n, ...]; what the file lacks is computed, and written into it.

    Args:
        file: with the features that are known; too many structures are not kept.
        key: what the features depend on; those under another one are forgotten.
        structures: in any order.
        compute: features of structures, [n, ...], each of which depends on its structure alone.
    """
    names = [structure_id(atoms) for atoms in structures]
    known = read_features(file, key)
    new = {name: atoms for name, atoms in zip(names, structures, strict=True) if name not in known}
    if new:
        known |= dict(zip(new, compute(list(new.values())), strict=True))
        if len(known) <= _MOST:
            values = {"structures": np.array(list(known)), "features": np.stack(list(known.values()))}
            write_arrays(file, {"inputs": np.array(key), **values})
    return np.stack([known[name] for name in names])


def read_features(file: Path, key: str = "") -> dict[str, np.ndarray]:
    """Return the features in a file by structure; none where there is no file, half of one, or one of another key."""
    arrays = read_arrays(file)
    if arrays is None or key not in ("", str(arrays["inputs"])):
        return {}
    return dict(zip(arrays["structures"].tolist(), arrays["features"], strict=True))


def beyond(features: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return which structures are unlike all that are known, [n].

    These are farther from every known one than any known one is from its nearest neighbour among them.

    Args:
        features: [n, dimensions].
        known: features of at least two structures, [n_known, dimensions].
    """
    from scipy.spatial.distance import cdist  # slow to import, and flows import this module

    among = cdist(known, known)
    np.fill_diagonal(among, np.inf)
    return np.asarray(cdist(features, known).min(axis=1) > among.min(axis=1).max())


@dataclass(frozen=True)
class MappedInputs:
    """Structures that a growth's map has.

    Attributes:
        out: the folder of the growth.
        files: with the structures.
        bundle: the source model that sees them.
        target: its element, or the elements of a compound.
        device: where to compute.
    """

    out: Path
    files: tuple[Path, ...]
    bundle: Path
    target: Target
    device: str

    @property
    def key(self) -> str:
        """The hash of what shapes the features, beside the structure."""
        return digest([MAP, SCHEMA, content_hash([self.bundle]), described_target(self.target)])

    @property
    def structures(self) -> list[Atoms]:
        """The structures of all files."""
        return [atoms for file in self.files for atoms in read_structures(file)]


def map_structures(inputs: MappedInputs) -> None:
    """Compute the gradients of energies per atom by the source model's weights, where they are not known yet.

    Where two structures lie near each other, the model takes their atoms' surroundings for alike
    (:func:`al_core.models.engine.gradient_features.energy_features`).
    """
    from al_core.models.bundle import load_bundle
    from al_core.models.engine.gradient_features import energy_features
    from al_core.models.engine.stack import pick_device
    from al_core.models.rescaling import relabel

    model, device = relabel(load_bundle(inputs.bundle), inputs.target), pick_device(inputs.device)
    file = Workspace(inputs.out).features(MAP)
    features_of(file, inputs.key, inputs.structures, lambda structures: energy_features(model, structures, device))


def are_mapped(inputs: MappedInputs) -> bool:
    """Return whether the features of all structures are known."""
    known = read_features(Workspace(inputs.out).features(MAP), inputs.key)
    return all(structure_id(atoms) in known for atoms in inputs.structures)
