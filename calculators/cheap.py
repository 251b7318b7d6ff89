"""What labelers have in common that cost next to nothing."""

from ase import Atoms


class CheapLabeler:
    """One rung, one core, and a cost not worth a model; see :class:`al_core.types.Labeler`."""

    rungs = 1

    def estimate_core_seconds(self, atoms: Atoms) -> float:
        """See :class:`al_core.types.Labeler`."""
        return 0.0

    def cost_factors(self, atoms: Atoms) -> dict[str, float]:
        """See :class:`al_core.types.Labeler`."""
        return {}

    def cores(self, atoms: Atoms) -> int:
        """See :class:`al_core.types.Labeler`."""
        return 1
