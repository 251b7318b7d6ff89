"""Model bundles: data only, verified on loading, complete or not there at all."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from al_core.errors import BundleError
from al_core.models import bundle as bundle_module
from al_core.models.bundle import Bundle, load_bundle, save_bundle
from al_core.models.card import read_card
from al_core.models.committee import committee_folders
from al_core.models.engine import untrained
from al_core.models.engine.mace import build
from al_core.models.engine.untrained import seeded_bundle
from al_core.storage.hashing import file_sha256


@pytest.fixture
def one(source: Any) -> Bundle:
    bundle: Bundle = source[0]
    return bundle


@pytest.fixture
def saved(one: Bundle, tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    save_bundle(one, folder)
    return folder


def test_what_is_saved_is_loaded(one: Bundle, saved: Path) -> None:
    loaded = load_bundle(saved)
    assert replace(loaded, weights={}) == replace(one, weights={})
    assert set(loaded.weights) == set(one.weights)
    for name, tensor in one.weights.items():
        assert loaded.weights[name].dtype == tensor.dtype
        assert torch.equal(loaded.weights[name], tensor)


def test_the_card_tells_what_the_model_is(one: Bundle, saved: Path) -> None:
    card = json.loads((saved / "model.json").read_text())
    assert card["elements"] == ["Si"]
    assert card["units"] == {"energy": "eV", "length": "angstrom"}
    assert card["architecture"]["channels"] == one.architecture.channels
    assert card["weights_sha256"] == file_sha256(saved / "weights.safetensors")
    assert card["training"]["n_labels"] == 6


def test_loading_executes_no_code(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError("a bundle was unpickled")

    assert sorted(path.name for path in saved.iterdir()) == ["model.json", "weights.safetensors"]
    for file in saved.iterdir():
        assert b"PK\x03\x04" not in file.read_bytes()[:4], "a zip of pickles, as torch.save writes"
    monkeypatch.setattr(torch, "load", refuse)
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    load_bundle(saved)


class _Opened:
    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a pickle was opened",)


def test_a_pickle_in_place_of_the_weights_is_refused_and_not_opened(saved: Path) -> None:
    torch.save({"weights": _Opened()}, saved / "weights.safetensors")
    _edit_card(saved, weights_sha256=file_sha256(saved / "weights.safetensors"))
    with pytest.raises(BundleError, match="corrupt bundle: SafetensorError"):
        load_bundle(saved)


def _edit_card(folder: Path, **changes: Any) -> None:
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**card, **changes}))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


DAMAGES = {
    "weights cut short": (lambda folder: _cut(folder / "weights.safetensors"), "checksum"),
    "one bit of the weights": (lambda folder: _flip_a_bit(folder / "weights.safetensors"), "checksum"),
    "no weights": (lambda folder: (folder / "weights.safetensors").unlink(), "no model bundle"),
    "no card": (lambda folder: (folder / "model.json").unlink(), "no model bundle"),
    "card cut short": (lambda folder: _cut(folder / "model.json"), "corrupt bundle"),
    "card is a list": (lambda folder: (folder / "model.json").write_text("[]"), "corrupt bundle"),
    "other format": (lambda folder: _edit_card(folder, format=99), "format 99, this Graft reads format 1"),
    "unknown architecture": (lambda folder: _edit_card(folder, architecture={"depth": 3}), "corrupt bundle"),
    "no number of neighbours": (lambda folder: _edit_card(folder, avg_num_neighbors="many"), "corrupt bundle"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_bundle_is_refused(saved: Path, name: str) -> None:
    damage, told = DAMAGES[name]
    damage(saved)
    with pytest.raises(BundleError, match=told) as caught:
        load_bundle(saved)
    assert str(saved) in str(caught.value)


def test_weights_that_are_not_safetensors_are_refused(saved: Path) -> None:
    (saved / "weights.safetensors").write_bytes(b"no tensors here")
    _edit_card(saved, weights_sha256=file_sha256(saved / "weights.safetensors"))
    with pytest.raises(BundleError, match="corrupt bundle"):
        load_bundle(saved)


def test_weights_of_another_architecture_are_refused(one: Bundle, cpu: Any) -> None:
    wider = one.architecture.model_copy(update={"channels": 5})
    with pytest.raises(BundleError, match="do not fit its architecture"):
        build(replace(one, architecture=wider), torch.float32, cpu)


def test_an_interrupted_save_leaves_nothing(one: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(KeyboardInterrupt):
        save_bundle(one, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_save_killed_on_the_way_does_not_count(one: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After kill -9 nothing is cleaned up: what is left must not be taken for a bundle, nor stand in the way of one."""
    monkeypatch.setattr(bundle_module.shutil, "rmtree", lambda *arguments, **named: None)
    monkeypatch.setattr(Path, "write_bytes", lambda path, content: (_ for _ in ()).throw(OSError("killed")))
    with pytest.raises(OSError, match="killed"):
        save_bundle(one, tmp_path / "member-0")
    monkeypatch.undo()
    with pytest.raises(BundleError):
        committee_folders(tmp_path)
    save_bundle(one, tmp_path / "member-0")
    assert committee_folders(tmp_path) == [tmp_path / "member-0"]


def test_a_finished_bundle_is_left_alone(one: Bundle, saved: Path) -> None:
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in saved.iterdir()}
    save_bundle(replace(one, elements=("C",), info={}), saved)
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in saved.iterdir()} == before


def test_nan_is_not_written_into_a_card(one: Bundle, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        save_bundle(replace(one, info={"loss": float("nan")}), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no model bundle"):
        read_card(tmp_path)


def test_a_seed_is_a_model(tiny: Any) -> None:
    state = torch.get_rng_state()
    first = seeded_bundle(tiny, ["Si"], 20.0, 1)
    assert torch.equal(torch.get_rng_state(), state), "the process's random numbers were touched"
    torch.manual_seed(5)
    again, other = seeded_bundle(tiny, ["Si"], 20.0, 1), seeded_bundle(tiny, ["Si"], 20.0, 2)
    weights = "interactions.0.linear_up.weight"
    assert torch.equal(first.weights[weights], again.weights[weights])
    assert not torch.equal(first.weights[weights], other.weights[weights])


def test_a_seed_is_the_same_model_with_the_cache_and_without(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = []
    for home in (tmp_path, tmp_path, tmp_path / "file"):  # made, read, and where none can be written
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(home))
        untrained._template.cache_clear()
        models.append(seeded_bundle(tiny, ["Si"], 20.0, 1).weights)
    assert len(list((tmp_path / "graft").iterdir())) == 1
    for weights in models[1:]:
        assert weights.keys() == models[0].keys()
        assert all(torch.equal(weights[name], models[0][name]) for name in weights)


def test_a_bundle_that_a_full_disk_refuses_is_one_error_and_leaves_nothing(
    source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the disk reports it: in the middle of a write, without the file's name."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*member-0/weights.safetensors'"):
        bundle_module.save_bundle(source[0], tmp_path / "member-0")
    assert list(tmp_path.iterdir()) == []
