"""A labeler that finds labels which were imported into the store, and computes none."""

from pathlib import Path
from typing import Any

from ase import Atoms

from al_core.config.labelers import ImportedLabeler as Settings
from al_core.errors import LabelError
from al_core.storage.hashing import structure_id
from al_core.types import Label
from calculators.cheap import CheapLabeler


class ImportedLabeler(CheapLabeler):
    """Labels computed elsewhere, under the name of their level of theory; see ``graft label --import``."""

    name = "imported"
    by_physics = by_equivalents = True

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def identity(self) -> dict[str, Any]:
        """See :class:`al_core.types.Labeler`."""
        return {"kind": self.name, "theory": self.settings.theory}

    def check(self, atoms: Atoms) -> None:
        """See :class:`al_core.types.Labeler`. Only the store knows what was imported."""

    def label(self, atoms: Atoms, directory: Path, rung: int = 0) -> Label:
        """See :class:`al_core.types.Labeler`; asked only for what is not in the store."""
        raise LabelError(
            f"no label of structure {structure_id(atoms)} was imported under theory {self.settings.theory!r}; "
            "add it with graft label --import"
        )
