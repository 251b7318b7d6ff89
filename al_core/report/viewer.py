"""What the page's viewer of structures draws: positions, cells and the look of the elements' atoms."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.data.colors import jmol_colors

_MOST_ATOMS = 20_000  # whose positions are written into the page
_BOND = 1.25  # atoms nearer than this times the sum of their covalent radii are drawn as bonded
_DIGITS = 100  # positions are whole numbers of 0.01 Å


@dataclass(frozen=True)
class Viewed:
    """A structure on a map that the viewer can draw.

    Attributes:
        x, y: where it lies on the map.
        told: what is said of it.
        atoms: the structure.
        first: whether its atoms are written before those of others, where there are too many for a page.
    """

    x: float
    y: float
    told: str
    atoms: Atoms
    first: bool = True


def viewer_json(shown: Sequence[Viewed], selections: Sequence[Sequence[int]]) -> str:
    """Return what the viewer's script reads, for a script element.

    Args:
        shown: the structures, at least one, in the order of the map's ``customdata``.
        selections: the numbers of the traces that belong to each selection.
    """
    numbers = sorted({int(number) for one in shown for number in one.atoms.numbers})
    data = {
        "structures": _structures(shown, numbers),
        "selections": selections,
        "elements": [_look(number) for number in numbers],
        "bond": _BOND,
    }
    # of data in a script element only "<" could end it
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


def _structures(shown: Sequence[Viewed], numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Return what is drawn of each structure; where there are too many atoms, some structures lack them."""
    wanted = sorted(range(len(shown)), key=lambda index: not shown[index].first)
    sizes = np.cumsum([len(shown[index].atoms) for index in wanted])
    with_atoms = set(wanted[: int(np.searchsorted(sizes, _MOST_ATOMS, side="right"))])
    found: list[dict[str, Any]] = []
    for index, one in enumerate(shown):
        entry: dict[str, Any] = {"x": one.x, "y": one.y, "told": one.told}
        if index in with_atoms:
            structure = one.atoms.copy()
            if structure.pbc.any():
                structure.wrap(eps=1e-3)
            entry["cell"] = np.rint(_DIGITS * structure.cell.array).astype(int).ravel().tolist()
            entry["atoms"] = np.rint(_DIGITS * structure.positions).astype(int).ravel().tolist()
            if len(numbers) > 1:
                entry["elements"] = [numbers.index(number) for number in structure.numbers.tolist()]
        found.append(entry)
    return found


def _look(number: int) -> dict[str, Any]:
    """Return the colour of an element's atoms, hex, and its covalent radius, in units of the positions."""
    colour = "#" + "".join(f"{round(255 * part):02x}" for part in jmol_colors[number])
    return {"colour": colour, "radius": round(float(covalent_radii[number]) * _DIGITS)}
