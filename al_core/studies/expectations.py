"""What a study's arms are expected to make of their sources, written down before its first label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from al_core.config.target import Target, described_target
from al_core.models.committee import content_hash
from al_core.storage.files import write_json
from al_core.storage.hashing import digest
from al_core.structures.datasets import read_structures
from al_core.studies.records import read_record
from al_core.studies.workspace import Workspace

Arms = Mapping[str, tuple[str, Sequence[Path]]]
"""Of each arm by its title, its kind and the models it starts from."""

_SCHEMA = 1  # raised whenever the same inputs would give another estimate


@dataclass(frozen=True)
class TransferabilityInputs:
    """Everything that shapes the estimates.

    Attributes:
        out: the study's folder.
        arms: what starts from which models.
        target: its element, or the elements of a compound.
        pool_hash: content of the pool.
        device: where to compute; not part of the key.
    """

    out: Path
    arms: Arms
    target: Target
    pool_hash: str
    device: str

    @property
    def key(self) -> str:
        """The hash of what shapes the estimates."""
        arms = {title: [kind, content_hash(models)] for title, (kind, models) in self.arms.items()}
        return digest([_SCHEMA, arms, described_target(self.target), self.pool_hash])


def write_transferability(inputs: TransferabilityInputs) -> None:
    """Write the estimates into the study's folder, if they are not there yet."""
    workspace = Workspace(inputs.out)
    if is_estimated(inputs):
        return
    found = estimates(inputs.arms, inputs.target, read_structures(workspace.pool), inputs.device)
    write_json(workspace.transferability, {"inputs": inputs.key, "arms": found})


def estimates(arms: Arms, target: Target, structures: Sequence[Atoms], device: str) -> dict[str, dict[str, Any]]:
    """Return what is expected of each arm, JSON-ready; of one that nothing is expected of, such as scratch, nothing."""
    from al_core.models.bundle import load_bundle
    from al_core.models.engine.stack import pick_device
    from al_core.models.transferability import transferability

    found = {}
    for title, (kind, models) in arms.items():
        committee = [load_bundle(one) for one in models]
        estimate = transferability(kind, committee, target, structures, pick_device(device))
        if estimate is not None:
            found[title] = {**estimate.as_dict(), "verdict": estimate.verdict}
    return found


def is_estimated(inputs: TransferabilityInputs) -> bool:
    """Return whether the study's folder has the estimates of these inputs."""
    record = read_record(Workspace(inputs.out).transferability, "inputs", "arms")
    return record is not None and record["inputs"] == inputs.key


def transferability_sentences(out: Path) -> list[str]:
    """Return what is expected of each arm, a sentence each; none where it was not estimated."""
    record = read_record(Workspace(out).transferability, "arms")
    return sentences(record["arms"] if record else {})


def sentences(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return estimates in words, a sentence each."""
    return [
        f"{title} {one['verdict']}: expected with a few labels is {_ratio(one['error_ratio'])} scratch's force error "
        f"({one['low']:.2f} to {one['high']:.2f}, 90 %); bonds are {one['length_ratio']:.2f} times the source's, and "
        f"the models it starts from disagree by {100 * one['disagreement']:.1f} % of the forces they know"
        for title, one in found.items()
    ]


def _ratio(value: float) -> str:
    return f"{value:.2f} of" if value < 1 else f"{value:.1f} times"
