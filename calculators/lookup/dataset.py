"""A labeler that looks a label up in a published data set, so that the data set can play DFT."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from ase import Atoms

from al_core.config.labelers import AnyLabeler
from al_core.config.labelers import BundledLabeler as BundledSettings
from al_core.config.labelers import DatasetLabeler as Settings
from al_core.errors import LabelError
from al_core.storage.hashing import file_sha256, structure_id
from al_core.structures.datasets import LabelKeys, bundled, checked_labels, unread_stress
from al_core.types import Label, Labeler
from calculators.base import make_labeler
from calculators.cheap import CheapLabeler


class DatasetLabeler(CheapLabeler):
    """Labels taken from an extxyz file; the cost of a label is zero because it was paid by others."""

    name = "dataset"
    by_physics = by_equivalents = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def _labelled(self) -> list[tuple[Atoms, Label]]:
        return checked_labels(self.settings.path, LabelKeys.of(self.settings))

    @cached_property
    def _labels(self) -> dict[str, Label]:
        return {structure_id(atoms): label for atoms, label in self._labelled}

    def notes(self, structures: Sequence[Atoms]) -> list[str]:
        """See :class:`al_core.types.Labeler`."""
        note = unread_stress(self.settings, [atoms for atoms, _ in self._labelled])
        return [note] if note else []

    def identity(self) -> dict[str, Any]:
        """See :class:`al_core.types.Labeler`."""
        return {"kind": self.name, "sha256": self._sha256, "keys": LabelKeys.of(self.settings).as_dict()}

    @cached_property
    def _sha256(self) -> str:
        return file_sha256(self.settings.path)

    def check(self, atoms: Atoms) -> None:
        """See :class:`al_core.types.Labeler`."""
        if structure_id(atoms) not in self._labels:
            raise LabelError(f"structure {structure_id(atoms)} is not in the data set {self.settings.path}")

    def label(self, atoms: Atoms, directory: Path, rung: int = 0) -> Label:
        """See :class:`al_core.types.Labeler`."""
        return self._labels[structure_id(atoms)]


class BundledLabeler(DatasetLabeler):
    """Labels of a data set shipped with Graft.

    Raises:
        ConfigError: none of that name is shipped, or its file was changed.
    """

    def __init__(self, settings: BundledSettings) -> None:
        self._asset = bundled(settings.name)
        super().__init__(Settings(path=self._asset.path, stress_key=LabelKeys.stress))

    def original_core_seconds(self, atoms: Atoms) -> float:
        """See :class:`al_core.types.Labeler`: as the labeler of the data sheet expects."""
        return self._original.estimate_core_seconds(atoms)

    @cached_property
    def _original(self) -> Labeler:
        theory = self.theory()
        kind = next(one for one in get_args(AnyLabeler) if one.model_fields["kind"].default == theory["kind"])
        return make_labeler(kind(**{key: value for key, value in theory.items() if key in kind.model_fields}))

    def theory(self) -> dict[str, Any]:
        """See :class:`al_core.types.Labeler`: from the data sheet."""
        computed_by: dict[str, Any] = self._asset.sheet["labeler"]
        return computed_by
