"""What goes into the two paid-for steps of a study, and the content keys they are found again by. No torch here."""

from dataclasses import dataclass
from pathlib import Path

from al_core.config.acquisition import AnyAcquisition
from al_core.config.arms import RescaledArm, ScratchArm, TransferArm
from al_core.config.training import Training
from al_core.storage.files import read_json
from al_core.storage.hashing import digest
from al_core.studies.workspace import Workspace

_SCHEMA = 13  # raised whenever the same inputs would give another result


@dataclass(frozen=True)
class CellInputs:
    """Everything a cell's result depends on, and where its files are.

    Attributes:
        out: the study's folder.
        arm: which arm, with its settings.
        element: the target.
        seed: of initial weights and batches.
        labels: label keys; their order does not count.
        source: folders of the source bundles, one a member.
        source_hash, test_hash, pool_hash: content of source, test set and pool.
        training: how long and how.
        device: where to compute; not part of the key.
    """

    out: Path
    arm: ScratchArm | TransferArm | RescaledArm
    element: str
    seed: int
    labels: tuple[str, ...]
    source: tuple[Path, ...]
    source_hash: str
    test_hash: str
    pool_hash: str
    training: Training
    device: str

    @property
    def key(self) -> str:
        """The content key of the result."""
        return digest(
            {
                "schema": _SCHEMA,
                "arm": self.arm.model_dump(),
                "element": self.element,
                "seed": self.seed,
                "labels": sorted(self.labels),
                "source": self.source_hash,
                "test": self.test_hash,
                "pool": self.pool_hash if self.arm.tuning.reads_pool else "",
                "training": self.training.model_dump(),
            }
        )


@dataclass(frozen=True)
class ChoiceInputs:
    """What a choice depends on.

    Attributes:
        out: the study's folder.
        acquisition: its settings.
        seed: the chain's seed.
        candidates: ids of the structures to choose from, in the pool's order.
        k: how many.
        committee: the trained cell whose committee is asked, or a cell without labels for the arm's start; None where
            no model is asked.
    """

    out: Path
    acquisition: AnyAcquisition
    seed: int
    candidates: tuple[str, ...]
    k: int
    committee: CellInputs | None

    @property
    def key(self) -> str:
        """The content key of the choice."""
        asked = self.committee.key if self.committee else ""
        return digest([self.acquisition.kind, self.seed, list(self.candidates), self.k, asked])


def known_choice(choice: ChoiceInputs) -> tuple[str, ...] | None:
    """Return the structure ids of a choice made before, or None."""
    path = Workspace(choice.out).choice(choice.key)
    return tuple(read_json(path)) if path.exists() else None
