"""The nouns that travel between the layers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ase import Atoms


@dataclass(frozen=True)
class Label:
    """Energy, forces and stress of one structure from one labeler.

    Attributes:
        energy: total energy, eV.
        forces: [n_atoms, 3], eV/Å.
        stress: [6] in Voigt order xx, yy, zz, yz, xz, xy, eV/Å^3, ASE's sign (positive under tension), or None.
        core_seconds: processor time the calculation took.
        provenance: what was computed where, by which versions; JSON-ready.
    """

    energy: float
    forces: np.ndarray
    stress: np.ndarray | None = None
    core_seconds: float = 0.0
    provenance: dict[str, Any] = field(default_factory=dict)


class Labeler(Protocol):
    """What turns a structure into a :class:`Label`. One object per setting; safe to call from several threads."""

    @property
    def name(self) -> str:
        """The ``kind`` of the labeler, as in configs."""

    @property
    def rungs(self) -> int:
        """How many rungs its ladder has: settings that give the same label; the next is tried where one fails."""

    @property
    def by_physics(self) -> bool:
        """Whether labels are computed or imported: not where a data set has them."""

    @property
    def by_equivalents(self) -> bool:
        """Whether the label of an equivalent structure is this one's, turned: not where k-points are a cell's own."""

    def identity(self) -> dict[str, Any]:
        """Settings and versions that decide the label's value; hashed into the label key. JSON-ready."""

    def theory(self) -> dict[str, Any]:
        """Settings and versions that computed the labels: the identity, unless others computed them. JSON-ready."""

    def preflight(self, elements: Collection[str]) -> None:
        """Raise :class:`~al_core.errors.LabelError` if this machine lacks what labels of these elements need."""

    def notes(self, structures: Sequence[Atoms]) -> list[str]:
        """Return what a user should know of labels of these structures before paying for them."""

    def check(self, atoms: Atoms) -> None:
        """Raise :class:`~al_core.errors.LabelError` if this structure can never be labelled (before any cost)."""

    def estimate_core_seconds(self, atoms: Atoms) -> float:
        """Expected cost of one label, core-seconds."""

    def original_core_seconds(self, atoms: Atoms) -> float:
        """Expected cost for whoever computed the label, core-seconds: the estimate, unless it is looked up."""

    def cost_factors(self, atoms: Atoms) -> dict[str, float]:
        """What the cost depends on, positive numbers by name; see :mod:`al_core.labels.costs`."""

    def estimate_megabytes(self, atoms: Atoms) -> float:
        """Memory that one label takes, MB, rather too much than too little; 0 where it is not worth mentioning."""

    def cores(self, atoms: Atoms) -> int:
        """Cores that one label takes while it is computed."""

    def label(self, atoms: Atoms, directory: Path, rung: int = 0) -> Label:
        """Label one structure; files worth keeping go into ``directory``. ``atoms`` is left unchanged.

        All rungs give the same label.

        Raises:
            LabelError: the calculation failed; ``transient`` tells whether trying again can help.
        """
