"""Classical labels of molecules, clusters and slabs, and the time they are counted with."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_core.config.labelers import AnyLabeler, EMTLabeler
from al_core.labels.obtaining import obtain_label
from al_core.labels.store import LabelStore
from al_core.types import Labeler
from calculators.base import make_labeler
from tests.calculators.cases import STEP_A, SW, Labelling, crystal, moved

CLUSTER = [[0.0, 0.0, 0.0], [2.4, 0.1, 0.0], [1.2, 2.1, 0.3], [1.3, 0.8, 2.2]]


def _structures(symbol: str) -> dict[str, Atoms]:
    def cluster(**settings: object) -> Atoms:
        return Atoms([symbol] * len(CLUSTER), CLUSTER, **settings)

    far, outside = cluster(), cluster(cell=[5, 5, 5])
    for atoms in (far, outside):
        atoms.positions += [1e4, -5e3, 3e3]
    return {
        "one atom": Atoms(symbol, [[3.0, 3.0, 3.0]]),
        "molecule": cluster(),
        "far from the origin": far,
        "outside of its cell": outside,
        "flat cell": cluster(cell=[[5, 0, 0], [10, 0, 0], [0, 0, 5]]),
        "chain": cluster(cell=[4.5, 0, 0], pbc=[True, False, False]),
        "slab without a third vector": cluster(cell=[4.5, 5.0, 0], pbc=[True, True, False]),
    }


SHAPES = list(_structures("Si"))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("settings", "symbol"), [(SW, "Si"), (SW, "Ge"), (EMTLabeler(), "Cu")], ids=["Si", "Ge", "Cu"])
def test_a_structure_without_a_cell_has_a_label_with_the_right_forces(
    settings: AnyLabeler, symbol: str, shape: str, tmp_path: Path, label: Labelling
) -> None:
    atoms, labeler = _structures(symbol)[shape], make_labeler(settings)
    store = LabelStore(tmp_path / "labels.db")
    found = obtain_label(store, labeler, atoms, tmp_path / "labels").entry.label
    assert found is not None
    assert found.stress is None
    assert found.energy == pytest.approx(label(labeler, _near(atoms)).energy, abs=1e-8)
    for atom in range(len(atoms)):
        up, down = (label(labeler, moved(atoms, atom, atom % 3, sign * STEP_A)).energy for sign in (1, -1))
        assert found.forces[atom, atom % 3] == pytest.approx(-(up - down) / (2 * STEP_A), abs=1e-4)


def _near(atoms: Atoms) -> Atoms:
    """Return the same structure at the origin, in a wide box along the directions that are not periodic."""
    box = np.where(atoms.pbc, atoms.cell.lengths(), 40.0)
    near = Atoms(atoms.numbers, atoms.positions - atoms.positions[0] + 15.0, cell=box, pbc=atoms.pbc)
    return near


def test_threads_beside_it_are_not_in_the_cost_of_a_label(tmp_path: Path) -> None:
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            np.linalg.svd(np.ones((80, 80)))

    beside = [threading.Thread(target=busy) for _ in range(2)]
    for thread in beside:
        thread.start()
    try:
        wall, cost = 0.0, 0.0
        labeler: Labeler = make_labeler(SW)
        for _ in range(20):
            begin = time.thread_time()
            cost += labeler.label(crystal("Si", 1).repeat(2), tmp_path).core_seconds
            wall += time.thread_time() - begin
    finally:
        stop.set()
        for thread in beside:
            thread.join()
    assert 0 < cost <= wall
