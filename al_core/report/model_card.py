"""The model card of a source committee: what it is, what it was trained on, and how wrong it is where."""

from pathlib import Path

from al_core.models.card import read_card
from al_core.models.committee import committee_folders
from al_core.report.markdown import markdown
from al_core.storage.files import read_json


def model_card(folder: Path, name: str) -> str:
    """Return the card of a finished committee as Markdown.

    Args:
        folder: the committee's folder, with ``committee.json``.
        name: what the card calls the committee.

    Raises:
        BundleError: no committee is there, or one of its bundles is corrupt.
    """
    members = [read_card(member) for member in committee_folders(folder)]
    committee, first = read_json(folder / "committee.json"), members[0]
    return markdown(
        "model_card",
        name=name,
        formula="".join(first["elements"]),
        members=members,
        architecture=_pairs(first["architecture"]),
        n_labels=first["training"]["n_labels"],
        data_sha256=committee["data_sha256"],
        held_out=committee["held_out"],
        training=[f"learning_rate {first['training']['learning_rate']}", *_pairs(first["settings"])],
        core_seconds=[f"{member['training']['core_seconds']:.0f}" for member in members],
        errors=committee["errors"],
        maes=[f"{mae:.1f}" for mae in committee["members_force_mae_meV_per_A"]],
    )


def _pairs(settings: dict[str, object]) -> list[str]:
    return [f"{key} {value}" for key, value in settings.items()]
