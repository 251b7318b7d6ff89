"""Each labeler in turn, and labels of it."""

from pathlib import Path

import pytest
from ase import Atoms

from al_core.types import Label, Labeler
from tests.calculators.cases import CASES, Case, Labelling


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    make, element = request.param
    return make(element, tmp_path)


@pytest.fixture(params=CASES[:6])
def cheap_case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    make, element = request.param
    return make(element, tmp_path)


@pytest.fixture
def label(tmp_path: Path) -> Labelling:
    """Label a structure in a new folder."""

    def run(labeler: Labeler, atoms: Atoms) -> Label:
        folder = tmp_path / f"label-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        labeler.check(atoms)
        return labeler.label(atoms, folder)

    return run
