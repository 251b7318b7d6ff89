"""CHGNet, a foundation model of 89 elements whose weights are in its package: a labeler of a tenth of a second.

B. Deng et al., Nat. Mach. Intell. 5, 1031 (2023). It was trained on relaxations, near equilibrium; elsewhere its forces
are too small: B. Deng et al., arXiv:2405.07105. Graft computes it in double precision: in single precision the slope of
its energy is its force within some meV/Å only.
"""

import contextlib
import io
import time
import warnings
from collections.abc import Collection, Sequence
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.data import chemical_symbols
from ase.stress import full_3x3_to_voigt_6_stress
from ase.units import GPa
from matscipy.neighbours import neighbour_list

from al_core.config.labelers import CHGNetLabeler as Settings
from al_core.errors import LabelError
from al_core.structures.checks import boxed
from al_core.types import Label
from calculators.cheap import CheapLabeler

_LAST = 94  # Pu
_UNSEEN = {
    "0.2.0": ("Po", "At", "Rn", "Fr", "Ra"),
    "0.3.0": ("Po", "At", "Rn", "Fr", "Ra"),
    "r2scan": ("Yb", "Po", "At", "Rn", "Fr", "Ra"),
}
_CUTOFF_A = {"0.2.0": 5.0, "0.3.0": 6.0, "r2scan": 6.0}


class CHGNetLabeler(CheapLabeler):
    """Labels of CHGNet; a cell is needed only along periodic directions."""

    name = "chgnet"
    by_physics = by_equivalents = True

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def identity(self) -> dict[str, Any]:
        """See :class:`al_core.types.Labeler`."""
        return {"kind": self.name, "model": self.settings.model, "chgnet": _version()}

    def preflight(self, elements: Collection[str]) -> None:
        """See :class:`al_core.types.Labeler`."""
        self.identity()

    def notes(self, structures: Sequence[Atoms]) -> list[str]:
        """See :class:`al_core.types.Labeler`."""
        elements = sorted({symbol for atoms in structures for symbol in atoms.get_chemical_symbols()})
        return [f"CHGNet {self.settings.model} has been trained on {', '.join(elements)} among other elements"]

    def check(self, atoms: Atoms) -> None:
        """See :class:`al_core.types.Labeler`."""
        unseen = {*_UNSEEN[self.settings.model], *chemical_symbols[_LAST + 1 :]}
        if unknown := sorted(unseen.intersection(atoms.get_chemical_symbols())):
            raise LabelError(
                f"CHGNet {self.settings.model} has seen no {', '.join(unknown)}: it knows the elements up to Pu but "
                f"for {', '.join(_UNSEEN[self.settings.model])}"
            )
        cutoff_A = _CUTOFF_A[self.settings.model]
        alone = len(atoms) - len({*neighbour_list("i", boxed(atoms, cutoff_A), cutoff_A)})
        if alone:
            raise LabelError(f"{alone} of {len(atoms)} atoms have no neighbour within {cutoff_A:g} Å, CHGNet's cutoff")

    def estimate_core_seconds(self, atoms: Atoms) -> float:
        """See :class:`al_core.types.Labeler`."""
        return 0.04 + 0.006 * len(atoms)

    def label(self, atoms: Atoms, directory: Path, rung: int = 0) -> Label:
        """See :class:`al_core.types.Labeler`."""
        model = _model(self.settings.model)
        start = time.thread_time()
        structure = boxed(atoms, 2 * _CUTOFF_A[self.settings.model])
        found = model.predict_graph(_graph(model, structure), task="efs")
        return Label(
            energy=float(found["e"]) * len(atoms),
            forces=found["f"],
            stress=full_3x3_to_voigt_6_stress(found["s"]) * GPa if structure.pbc.all() else None,
            core_seconds=time.thread_time() - start,
            provenance={"labeler": self.identity()},
        )


@cache
def _version() -> str:
    """Return the version of CHGNet's package.

    Raises:
        LabelError: it is not installed.
    """
    try:
        return metadata.version("chgnet")
    except metadata.PackageNotFoundError as error:
        raise LabelError("CHGNet is not installed; pip install graft-mlip[foundation]") from error


def weights_file(name: str) -> Path:
    """Return the file of a model of CHGNet's package."""
    (file,) = Path(str(resources.files("chgnet"))).joinpath("pretrained", name).glob("*.pth.tar")
    return file


@cache
def _model(name: str) -> Any:
    """Return a model of CHGNet's package in double precision. Of its file values are read, no code is executed."""
    import torch
    from chgnet.model.model import CHGNet

    saved = torch.load(weights_file(name), map_location="cpu", weights_only=True)["model"]
    with contextlib.redirect_stdout(io.StringIO()):  # it says how many weights it has, where a command prints JSON
        model = CHGNet.from_dict(saved, mlp_out_bias=name == "0.2.0", version=name)  # as its own loader does
    warnings.filterwarnings("ignore", "Converting a tensor with requires_grad", module="chgnet")
    model = model.double()
    model.composition_model.float()  # which makes its own input, in single precision
    return model.requires_grad_(False)


def _graph(model: Any, atoms: Atoms) -> Any:
    """Return CHGNet's graph of a structure in double precision; its converter rounds to single precision."""
    import torch
    from pymatgen.core.structure import Structure

    scaled, cell = atoms.get_scaled_positions(wrap=False), atoms.cell.array
    graph = model.graph_converter(Structure(cell, atoms.numbers, scaled))
    graph.atom_frac_coord = torch.tensor(scaled, dtype=torch.float64, requires_grad=True)
    graph.lattice = torch.tensor(cell, dtype=torch.float64)
    graph.neighbor_image = graph.neighbor_image.double()
    return graph
