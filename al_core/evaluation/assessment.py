"""Errors of a model bundle, or of a committee, on labelled data outside any study."""

from pathlib import Path

from al_core.errors import ConfigError
from al_core.evaluation.errors import slice_errors
from al_core.models.card import read_card
from al_core.models.committee import bundle_folders, read_calibration
from al_core.structures.datasets import LabelKeys, checked_labels

_OWN_KEYS = LabelKeys()


def assess(
    bundle: Path,
    data: Path,
    keys: LabelKeys = _OWN_KEYS,
    slice_key: str = "config_type",
    device: str = "auto",
) -> dict[str, dict[str, float]]:
    """Return {slice: {metric: value}} of a bundle or committee on a labelled extxyz file.

    Of a committee with a calibration also how that holds, see :func:`al_core.evaluation.errors.slice_errors`.

    Args:
        bundle: a model bundle or a committee's folder.
        data: the file.
        keys: the names the labels have in it; a stress may be missing.
        slice_key: the name of what structures are grouped by.
        device: where to compute.

    Raises:
        BundleError: the bundle cannot be used.
        ConfigError: the data cannot be used, or are not of the bundle's elements.
    """
    folders = bundle_folders(bundle)
    labelled = checked_labels(data, keys)
    elements = read_card(folders[0])["elements"]
    for number, (atoms, _) in enumerate(labelled):
        if not set(atoms.get_chemical_symbols()) <= set(elements):
            raise ConfigError(f"{data}: structure {number} is {atoms.symbols}, the bundle is of {', '.join(elements)}")
        atoms.info["config_type"] = str(atoms.info.get(slice_key, "all"))

    from al_core.models.bundle import load_bundle
    from al_core.models.engine.stack import pick_device
    from al_core.models.prediction import predict

    committee = [load_bundle(one) for one in folders]
    predictions = predict(committee, [atoms for atoms, _ in labelled], pick_device(device))
    return slice_errors(predictions, labelled, read_calibration(bundle))
