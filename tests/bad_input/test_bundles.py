"""Model bundles that are corrupt, missing, too few or of another element."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bad_input.inputs import Refused, bundles, file_of, labelled


def _change_weights(member: Path) -> None:
    with (member / "weights.safetensors").open("r+b") as weights:
        weights.write(b"\0\1\2\3")


def _cut_card(member: Path) -> None:
    text = (member / "model.json").read_text()
    (member / "model.json").write_text(text[: len(text) // 2])


def _empty_card(member: Path) -> None:
    (member / "model.json").write_text("")


def _card_is_a_list(member: Path) -> None:
    (member / "model.json").write_text("[]")


def _binary_card(member: Path) -> None:
    (member / "model.json").write_bytes(b"\xff\xfe\0")


def _card_without_element(member: Path) -> None:
    card = json.loads((member / "model.json").read_text())
    del card["elements"]
    (member / "model.json").write_text(json.dumps(card))


def _other_format(member: Path) -> None:
    (member / "model.json").write_text((member / "model.json").read_text().replace('"format": 1', '"format": 7'))


def _no_weights(member: Path) -> None:
    (member / "weights.safetensors").unlink()


BUNDLE_FAULTS = [
    (_change_weights, "corrupt bundle: weights.safetensors does not have the checksum that model.json states"),
    (_cut_card, "corrupt bundle: model.json: JSONDecodeError"),
    (_empty_card, "corrupt bundle: model.json: JSONDecodeError"),
    (_card_is_a_list, "corrupt bundle: model.json: TypeError"),
    (_binary_card, "corrupt bundle: model.json: UnicodeDecodeError"),
    (_card_without_element, "corrupt bundle: model.json lacks elements"),
    (_other_format, "bundle format 7, this Graft reads format 1"),
    (_no_weights, "no model bundle (a folder with model.json and weights.safetensors)"),
]


@pytest.mark.parametrize(("damage", "expected"), BUNDLE_FAULTS)
@pytest.mark.parametrize("user", ["study", "eval", "export"])
def test_a_corrupt_bundle_is_refused(
    refused: Refused, refused_study: Refused, user: str, damage: Callable[[Path], None], expected: str
) -> None:
    member = bundles("models", "Ge", "Ge") / "member-1"
    damage(member)
    if user == "study":
        message = refused_study("source={kind: bundles, path: models}")
    elif user == "eval":
        file_of("data.extxyz", labelled(0))
        message = refused("eval", "--bundle", "models", "--data", "data.extxyz")
    else:
        message = refused("export", "--bundle", member, "--out", "x.model")
    assert f"{member}: {expected}" in message


def test_a_committee_larger_than_the_source_is_refused(refused_study: Refused) -> None:
    bundles("source", "Si", "Si")
    message = refused_study("source={kind: bundles, path: source}", "committee=3")
    assert "committee: 3 members need as many source models" in message
    assert "there are 2" in message


def test_other_folders_beside_the_members_are_no_members(refused_study: Refused) -> None:
    bundles("source", "Si")
    shutil.copytree("source/member-0", "source/member-0 (copy)")
    shutil.copytree("source/member-0", "source/member-x")
    assert "there are 1" in refused_study("source={kind: bundles, path: source}")


@pytest.mark.parametrize("command", ["eval", "export"])
def test_a_missing_bundle_is_refused(refused: Refused, command: str) -> None:
    file_of("data.extxyz", labelled(0))
    rest = ["--data", "data.extxyz"] if command == "eval" else ["--out", "x.model"]
    assert "gone: no " in refused(command, "--bundle", "gone", *rest)


def test_exporting_a_committee_is_refused_and_its_first_member_named(refused: Refused) -> None:
    bundles("models", "Ge", "Ge")
    message = refused("export", "--bundle", "models", "--out", "x.model")
    assert "models: no model bundle but a committee of 2" in message
    assert "--bundle models/member-0" in message


@pytest.mark.parametrize("command", ["status", "report"])
def test_a_folder_without_a_study_is_refused(refused: Refused, command: str) -> None:
    assert "gone: no such folder" in refused("study", command, "gone")
    Path("empty").mkdir()
    assert "empty: no study here" in refused("study", command, "empty")


def test_a_bundle_of_another_element_than_the_data_is_refused(refused: Refused) -> None:
    bundles("models", "Si", "Si")
    file_of("data.extxyz", labelled(0))
    message = refused("eval", "--bundle", "models", "--data", "data.extxyz")
    assert "data.extxyz: structure 0 is Ge8, the bundle is of Si" in message


def test_source_models_of_different_elements_are_refused(refused_study: Refused) -> None:
    bundles("source", "Si", "Ge")
    message = refused_study("source={kind: bundles, path: source}")
    assert "source: its models are of different elements (Ge, Si)" in message
