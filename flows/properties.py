"""Properties of a model, or of a labeler, outside any study."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from al_core.config.evaluation import AnyProperties, PropertySettings
from al_core.config.labelers import AnyLabeler
from al_core.errors import ConfigError
from al_core.evaluation.material import Material, check_possible
from al_core.evaluation.measured import Measured
from al_core.evaluation.properties import METHODS, STATIC, measurements, of_committee, of_potential
from al_core.labels.calculator import LabelCalculator, is_kept
from al_core.labels.store import LabelStore
from al_core.models.bundle import load_bundle
from al_core.models.calculator import CommitteeCalculator
from al_core.models.card import read_card
from al_core.models.committee import bundle_folders
from al_core.models.engine.stack import pick_device
from al_core.storage.locks import folder_lock
from al_core.studies.workspace import Workspace
from calculators.base import make_labeler
from calculators.preflight import check_labels_possible
from flows.runtime.progress import Counters

COUNTED = "properties"


def chosen(only: str | None, settings: PropertySettings) -> list[AnyProperties]:
    """Return the settings of the methods that are named, separated by commas; of all statics if none is.

    Raises:
        ConfigError: a method is not known.
    """
    names = [name.strip() for name in only.split(",") if name.strip()] if only else list(STATIC)
    if unknown := [name for name in names if name not in METHODS]:
        raise ConfigError(f"--only: no properties called {', '.join(unknown)}; known: {', '.join(METHODS)}")
    return [getattr(settings, name) for name in dict.fromkeys(names)]


def formula_of(bundle: Path) -> str:
    """Return the elements of a bundle, or of a folder of bundles, as a formula.

    Raises:
        BundleError: the bundle cannot be used.
    """
    return "".join(read_card(bundle_folders(bundle)[0])["elements"])


def properties_of_models(
    bundle: Path, settings: Sequence[AnyProperties], structure: str | None, device: str = "auto"
) -> dict[str, Measured]:
    """Return by kind the properties of a bundle, or of a folder of bundles: of their mean, with the members' spread.

    Raises:
        BundleError: the bundle cannot be used.
        ConfigError: its element's crystal is neither cubic nor hcp.
    """
    committee = [load_bundle(folder) for folder in bundle_folders(bundle)]
    with Counters() as counters:
        counters.expect(COUNTED, measurements(settings, len(committee)))
        return of_committee(
            committee, settings, pick_device(device), structure, progress=lambda: counters.done(COUNTED)
        )


def properties_of_labeler(
    labeler: AnyLabeler,
    formula: str,
    settings: Sequence[AnyProperties],
    structure: str | None,
    out: Path,
    guide: Path | None = None,
) -> tuple[dict[str, Measured], dict[str, float]]:
    """Return by kind the properties of what computes labels, and what the labels cost.

    Labels that cost something are kept in the folder's store. The cost is how many they are, and their core-seconds,
    whenever they were paid.

    Args:
        labeler: what computes them.
        formula: chemical symbol, or formula of a compound.
        settings: which properties, and how.
        structure: of the crystal, see :class:`~al_core.evaluation.material.Material`.
        out: folder of the store.
        guide: a bundle, or a folder of bundles, whose way relaxations follow, so that they take fewer labels.

    Raises:
        BundleError: the guide cannot be used.
        ConfigError: the element's crystal is neither cubic nor hcp, the labeler cannot label it here, the guide is of
            another element, or the folder cannot be used.
    """
    if guide is not None and formula_of(guide) != formula:
        raise ConfigError(f"--guide {guide} is a model of {formula_of(guide)}, expected one of {formula}")
    way = CommitteeCalculator.of_folder(guide, dtype=torch.float64) if guide else None
    ready = make_labeler(labeler)
    material = Material(formula, LabelCalculator(ready), structure)
    check_possible(material, settings)
    check_labels_possible([material.expected], labeler, f"the crystal of {formula}")
    kept = is_kept(ready, material.expected)
    workspace = Workspace(out.resolve())
    with folder_lock(workspace.out, "labelling") if kept else nullcontext(), Counters() as counters:
        counters.expect(COUNTED, len(settings))
        store = LabelStore(workspace.store) if kept else None
        asked: set[str] = set()
        potential = LabelCalculator(ready, store, workspace.label_files, asked.add)
        found = of_potential(potential, formula, settings, structure, lambda: counters.done(COUNTED), way)
        entries = [store.get(key) for key in asked] if store else []
        spent = sum(entry.core_seconds for entry in entries if entry)
        return found, {"labels": len(entries), "core_seconds": spent}
