"""What the command line needs to know of configs before any flow is started."""

from pathlib import Path
from typing import Any

from al_core.config import AnyLabeler, Architecture, LabelerPart, MDStructures, StudyConfig
from al_core.config_base import StoreURL, Strict, nearest
from al_core.config_reading import validate
from al_core.databases import is_url
from al_core.datasets import bundled, read_structures
from al_core.errors import ConfigError
from al_core.models.card import committee_folders, read_card, shipped_committee
from al_core.pools import prototype
from al_core.store import LabelStore
from al_core.studies.plan import Plan, plan, sampled_sizes
from al_core.studies.workspace import Workspace
from calculators.base import make_labeler

_ROOT = Path(__file__).resolve().parent


class _LabelerOnly(Strict):
    labeler: LabelerPart


class _StoreOnly(Strict):
    store: StoreURL | None


def checked_labeler(settings: dict[str, Any]) -> AnyLabeler:
    """Return validated labeler settings; see :func:`al_core.config_reading.load_config` for the errors."""
    return validate(_LabelerOnly, {"labeler": settings}, "of the labeler (--labeler, --set)", below="labeler").labeler


def checked_store(url: str | None) -> str | None:
    """Return a validated URL of a label store; errors as above."""
    return validate(_StoreOnly, {"store": url}, "of the command line").store


def existing_store(where: str) -> LabelStore:
    """Return the label store of a folder, a file or a URL.

    Raises:
        ConfigError: there is none.
    """
    if is_url(where):
        return LabelStore(where)
    path = Path(where)
    place = Workspace(path)
    if path.is_file() or place.has_store:
        return LabelStore(path if path.is_file() else place.store)
    raise ConfigError(f"{where}: expected a folder with a label store, a store's file (labels.db) or its URL")


def shipped_config(name: str) -> Path:
    """Return a config that comes with Graft, in a checkout or an installed wheel."""
    folders = [folder for folder in (_ROOT / "_configs", _ROOT.parent / "configs") if folder.is_dir()]
    for folder in folders:
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    known = [path.stem for folder in folders for path in folder.glob("*.yaml")]
    raise ConfigError(f"no config {name!r} is shipped{nearest(name, known)}")


def source_architecture(config: StudyConfig) -> Architecture:
    """Return the architecture all models of a study have."""
    source = config.source
    if source.kind == "pretrain":
        return source.model
    folder = shipped_committee(source.name) if source.kind == "bundled" else source.path
    return Architecture.model_validate(read_card(committee_folders(folder)[0])["architecture"])


def plan_study(config: StudyConfig, out: Path) -> tuple[Plan, int]:
    """Return the plan of a study and how many finished labels its store holds already."""
    if isinstance(config.pool, MDStructures):
        sizes = sampled_sizes(config.pool, config.target)
        example = prototype(config.target, config.pool.lattice_scale, config.pool.slices[0].repeat)
    else:
        path = bundled(config.pool.name).path if config.pool.kind == "bundled" else config.pool.path
        frames = read_structures(path)
        sizes, example = [len(atoms) for atoms in frames], frames[0]
    cost = make_labeler(config.labeler).estimate_core_seconds(example)
    place = Workspace(out)
    done = sum(entry.state == "done" for entry in LabelStore(place.store).entries()) if place.has_store else 0
    return plan(config, sizes, cost), done
