"""Where the source of a study or growth lies: shipped, in a folder, or pretrained in the study's own folder."""

from pathlib import Path

from al_core.config.sources import GivenSource, PretrainConfig, SourcePart
from al_core.models.sources.shipped import shipped_committee
from al_core.storage.hashing import digest
from al_core.studies.data import described
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
