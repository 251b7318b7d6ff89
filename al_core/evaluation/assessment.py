"""Errors of a model bundle, or of a committee, on labelled data outside any study."""

from pathlib import Path

from al_core.errors import BundleError, ConfigError
from al_core.evaluation.errors import slice_errors
from al_core.models.card import CARD, read_card
from al_core.models.committee import committee_folders
from al_core.structures.datasets import LabelKeys, checked_labels

_OWN_KEYS = LabelKeys()


def bundle_folders(folder: Path) -> list[Path]:
    """Return the bundle itself, or the members of a committee's folder, their cards verified.

    Raises:
        BundleError: the folder is neither, or a bundle is corrupt.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BundleError(f"{folder}: no such folder; a bundle is a folder with {CARD}")
    folders = [folder] if (folder / CARD).exists() or not list(folder.glob("member-*")) else committee_folders(folder)
    for one in folders:
        read_card(one)
    return folders


def assess(
    bundle: Path,
    data: Path,
    keys: LabelKeys = _OWN_KEYS,
    slice_key: str = "config_type",
    device: str = "auto",
) -> dict[str, dict[str, float]]:
    """Return {slice: {metric: value}} of a bundle or committee on a labelled extxyz file.

    Args:
        bundle: a model bundle or a committee's folder.
        data: the file.
        keys: the names the labels have in it; a stress may be missing.
        slice_key: the name of what structures are grouped by.
        device: where to compute.

    Raises:
        BundleError: the bundle cannot be used.
        ConfigError: the data cannot be used, or are not of the bundle's element.
    """
    folders = bundle_folders(bundle)
    labelled = checked_labels(data, keys)
    element = read_card(folders[0])["element"]
    for number, (atoms, _) in enumerate(labelled):
        if set(atoms.get_chemical_symbols()) != {element}:
            raise ConfigError(f"{data}: structure {number} is {atoms.symbols}, the bundle is of {element}")
        atoms.info["config_type"] = str(atoms.info.get(slice_key, "all"))

    from al_core.models.bundle import load_bundle
    from al_core.models.engine.stack import pick_device
    from al_core.models.prediction import predict

    committee = [load_bundle(one) for one in folders]
    return slice_errors(predict(committee, [atoms for atoms, _ in labelled], pick_device(device)), labelled)
