"""Frames and the file they are kept in."""

from pathlib import Path
from typing import Any

import numpy as np

from al_core.exploration.frames import Frame, read_frames, write_frames
from al_core.storage.hashing import structure_id


def test_frames_are_read_as_they_were_written(tmp_path: Path, crystals: Any) -> None:
    structures = crystals("Ge", 3)
    for atoms in structures:
        atoms.positions, atoms.cell = atoms.positions.round(6), atoms.cell.array.round(6)
    structures[2].pbc = (True, True, False)
    frames = [Frame(atoms, number + 4, 0.1 * number, 1e-3 / 3, 0.07) for number, atoms in enumerate(structures)]
    write_frames(tmp_path / "deep" / "frames.extxyz", frames)
    again = read_frames(tmp_path / "deep" / "frames.extxyz")
    assert [(one.walker, one.time_ps) for one in again] == [(4, 0.0), (5, 0.1), (6, 0.2)]
    np.testing.assert_allclose([(one.expected, one.worst) for one in again], [(1e-3 / 3, 0.07)] * 3, rtol=1e-6)
    assert [structure_id(one.atoms) for one in again] == [structure_id(atoms) for atoms in structures]
    assert [one.atoms.info["config_type"] for one in again] == ["group0", "group1", "group0"]
    assert list(structures[0].info) == ["config_type"], "the structures were changed"


def test_a_file_of_frames_appears_whole(tmp_path: Path, crystals: Any) -> None:
    (atoms,) = crystals("Ge", 1)
    write_frames(tmp_path / "frames.extxyz", [Frame(atoms, 0, 0.0, 0.01, 0.02)])
    assert [path.name for path in tmp_path.iterdir()] == ["frames.extxyz"]
