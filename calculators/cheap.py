"""What labelers have in common that cost next to nothing."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import Any

from ase import Atoms


class CheapLabeler(ABC):
    """One rung, one core, and a cost not worth a model; see :class:`al_core.types.Labeler`."""

    rungs = 1

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """See :class:`al_core.types.Labeler`."""

    def theory(self) -> dict[str, Any]:
        """See :class:`al_core.types.Labeler`."""
        return self.identity()

    def preflight(self, elements: Collection[str]) -> None:  # noqa: B027 (it needs nothing)
        """See :class:`al_core.types.Labeler`."""

    def notes(self, structures: Sequence[Atoms]) -> list[str]:
        """See :class:`al_core.types.Labeler`."""
        return []

    def estimate_core_seconds(self, atoms: Atoms) -> float:
        """See :class:`al_core.types.Labeler`."""
        return 0.0

    def original_core_seconds(self, atoms: Atoms) -> float:
        """See :class:`al_core.types.Labeler`."""
        return self.estimate_core_seconds(atoms)

    def cost_factors(self, atoms: Atoms) -> dict[str, float]:
        """See :class:`al_core.types.Labeler`."""
        return {}

    def estimate_megabytes(self, atoms: Atoms) -> float:
        """See :class:`al_core.types.Labeler`."""
        return 0.0

    def cores(self, atoms: Atoms) -> int:
        """See :class:`al_core.types.Labeler`."""
        return 1
