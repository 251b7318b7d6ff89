"""Labels of the whole pool: written by who looks them up, refused by who computes them, compared with forces."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_core.config.labelers import DatasetLabeler, StillingerWeberLabeler
from al_core.errors import LabelError, SelectionError
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures, write_labelled
from al_core.studies.data import write_structures
from al_core.studies.pool_labels import true_errors, write_pool_labels
from al_core.studies.workspace import Workspace
from calculators.base import make_labeler


@pytest.fixture
def workspace(tmp_path: Path, ge_labelled: Any) -> Workspace:
    """The folder of a study with a pool of three of five structures of a data set."""
    write_labelled(tmp_path / "data.extxyz", ge_labelled)
    workspace = Workspace(tmp_path / "out")
    write_structures(workspace.pool, read_structures(tmp_path / "data.extxyz")[1:4])
    return workspace


def test_errors_are_those_of_the_mean_force(workspace: Workspace, tmp_path: Path, ge_labelled: Any) -> None:
    write_pool_labels(workspace, make_labeler(DatasetLabeler(path=tmp_path / "data.extxyz")))
    names = [structure_id(atoms) for atoms in read_structures(workspace.pool)]
    asked = [2, 0]
    truth = [ge_labelled[1 + number][1].forces for number in asked]
    around = np.array([-0.3, 0.1])[:, None, None]  # the members' errors, of which the mean is -0.1
    forces = [truth[0] + around, truth[1] + 2 * around]
    found = true_errors(workspace, [names[number] for number in asked], forces)
    np.testing.assert_allclose(found, [0.1, 0.2], atol=1e-6)
    with pytest.raises(SelectionError, match="1 of 2 candidates have no label there"):
        true_errors(workspace, [names[0], "other"], forces)


def test_labels_that_are_computed_are_refused(workspace: Workspace) -> None:
    with pytest.raises(LabelError, match="stillinger_weber are computed; expected ones that are looked up"):
        write_pool_labels(workspace, make_labeler(StillingerWeberLabeler()))
    assert not workspace.pool_labels.exists()


def test_a_structure_without_a_label_is_told(workspace: Workspace, tmp_path: Path, ge_labelled: Any) -> None:
    write_labelled(tmp_path / "few.extxyz", ge_labelled[:3])
    with pytest.raises(LabelError, match="is not in the data set"):
        write_pool_labels(workspace, make_labeler(DatasetLabeler(path=tmp_path / "few.extxyz")))
