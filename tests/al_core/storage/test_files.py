"""Files of arrays: whole or not there."""

from pathlib import Path

import numpy as np
import pytest

from al_core.storage.files import read_arrays, write_arrays

ARRAYS = {"names": np.array(["a", "bc"]), "forces": np.arange(300, dtype=np.float32).reshape(100, 3)}


def test_arrays_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "some.npz"
    write_arrays(path, ARRAYS)
    found = read_arrays(path)
    assert found is not None
    assert list(found) == ["names", "forces"]
    np.testing.assert_array_equal(found["forces"], ARRAYS["forces"])
    assert list(found["names"]) == ["a", "bc"]
    assert [file.name for file in path.parent.iterdir()] == ["some.npz"]


def test_a_file_that_is_missing_cut_off_or_damaged_is_none(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    assert read_arrays(path) is None
    write_arrays(path, ARRAYS)
    whole = path.read_bytes()
    for damaged in (b"", whole[:20], whole[: len(whole) // 2], whole[:200] + b"xxxx" + whole[204:]):
        path.write_bytes(damaged)
        assert read_arrays(path) is None


def test_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        write_arrays(tmp_path / "some.npz", {"any": np.array([object()])})
    assert list(tmp_path.iterdir()) == []
