"""Where the structures of a file lie, as a source model sees them: computed once, and found again.

The features of a structure are the gradients of its energy per atom by the model's weights
(:func:`al_core.models.engine.gradient_features.energy_features`): where two structures lie near each other, the model
takes their atoms' surroundings for alike.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist

from al_core.models.committee import content_hash
from al_core.storage.files import read_arrays, write_arrays
from al_core.storage.hashing import digest, file_sha256, structure_id
from al_core.structures.datasets import read_structures
from al_core.studies.workspace import Workspace

_SCHEMA = 1  # raised whenever the same inputs would give other features


@dataclass(frozen=True)
class FeatureInputs:
    """Everything that shapes the features of a file's structures.

    Attributes:
        out: the folder of the growth.
        file: the structures.
        bundle: the source model.
        element: the target.
        device: where to compute; not part of the key.
    """

    out: Path
    file: Path
    bundle: Path
    element: str
    device: str

    @property
    def key(self) -> str:
        """The hash of what shapes the features."""
        return digest(["features", _SCHEMA, content_hash([self.bundle]), self.element, file_sha256(self.file)])


def compute_features(inputs: FeatureInputs) -> None:
    """Write the features of a file's structures, if they are not there yet."""
    if has_features(inputs):
        return
    from al_core.models.bundle import load_bundle
    from al_core.models.engine.gradient_features import energy_features
    from al_core.models.engine.stack import pick_device
    from al_core.models.rescaling import relabel

    structures = read_structures(inputs.file)
    model = relabel(load_bundle(inputs.bundle), inputs.element)
    features = energy_features(model, structures, pick_device(inputs.device))
    names = np.array([structure_id(atoms) for atoms in structures])
    arrays = {"inputs": np.array(inputs.key), "structures": names, "features": features}
    write_arrays(Workspace(inputs.out).features(inputs.file), arrays)


def has_features(inputs: FeatureInputs) -> bool:
    """Return whether the features of these inputs are there."""
    known = _read(inputs.out, inputs.file)
    return known is not None and str(known["inputs"]) == inputs.key


def read_features(out: Path, file: Path) -> dict[str, np.ndarray]:
    """Return the features of a file's structures, [dimensions] each, by their ids; none where they are not there."""
    known = _read(out, file)
    return {} if known is None else dict(zip(known["structures"].tolist(), known["features"], strict=True))


def beyond(features: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return which structures are unlike all that are known, [n].

    These are farther from every known one than any known one is from its nearest neighbour among them.

    Args:
        features: [n, dimensions].
        known: features of at least two structures, [n_known, dimensions].
    """
    among = cdist(known, known)
    np.fill_diagonal(among, np.inf)
    return np.asarray(cdist(features, known).min(axis=1) > among.min(axis=1).max())


def _read(out: Path, file: Path) -> dict[str, np.ndarray] | None:
    return read_arrays(Workspace(out).features(file))
