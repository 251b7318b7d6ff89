"""Where the source of a study or growth lies: shipped, in a folder, or pretrained in the study's own folder."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ase import Atoms

from al_core.config.sources import GivenSource, PretrainConfig, SourcePart
from al_core.config.structures import SampledStructures
from al_core.models.card import read_card
from al_core.models.committee import committee_folders
from al_core.models.sources.shipped import shipped_committee
from al_core.storage.files import read_json
from al_core.storage.hashing import digest
from al_core.structures.datasets import bundled, bundled_names, read_structures
from al_core.studies.data import check_apart, described, file_or_bundled
from al_core.studies.workspace import Workspace
from calculators.base import make_labeler


def committee_key(config: PretrainConfig) -> str:
    """Return the content key of what a pretraining config describes."""
    settings = config.model_dump(mode="json", exclude={"site", "device", "name", "structures", "store", "labeler"})
    labeler = make_labeler(config.labeler).identity() if config.labeler else None
    return digest([settings, described(config.structures), labeler])


def source_folder(source: SourcePart, workspace: Workspace) -> Path:
    """Return the folder of the source committee of a study; where it is pretrained, it need not be there yet."""
    return workspace.source / committee_key(source) if source.kind == "pretrain" else given_folder(source)


def given_folder(source: GivenSource) -> Path:
    """Return the folder of a source committee that is shipped or given."""
    return shipped_committee(source.name) if source.kind == "bundled" else source.path


def is_pretrained(folder: Path) -> bool:
    """Return whether a pretraining in a folder is finished."""
    return (folder / "committee.json").exists()


def trained_on(source: SourcePart, elements: Collection[str]) -> list[Atoms]:
    """Return the structures of some elements that the models of a source know, as far as these are on this machine.

    They lie in the folder of ``graft pretrain``; those of a shipped committee are a shipped data set.
    """
    if source.kind == "pretrain":
        given = None if isinstance(source.structures, SampledStructures) else source.structures
        structures = [atoms for atoms, _ in file_or_bundled(given)] if given else []
    else:
        folder = given_folder(source)
        own = not set(read_card(committee_folders(folder)[0])["elements"]).isdisjoint(elements)
        file = _training_data(folder) if own else None
        structures = read_structures(file) if file else []
    return [atoms for atoms in structures if set(atoms.get_chemical_symbols()) <= set(elements)]


def check_unseen(test: Sequence[Atoms], sources: Mapping[str, SourcePart], elements: Collection[str]) -> None:
    """Check that no source, by its key in the config, was trained on test structures.

    Raises:
        ConfigError: one was.
    """
    for key, source in sources.items():
        check_apart(trained_on(source, elements), test, f"what {key} was trained on")


def _training_data(folder: Path) -> Path | None:
    if (own := folder / "training.extxyz").is_file():
        return own
    card = folder / "committee.json"
    known = read_json(card).get("data_sha256") if card.is_file() else None
    shipped = [bundled(name) for name in bundled_names()] if known else []
    return next((one.path for one in shipped if one.sheet["sha256"] == known), None)
