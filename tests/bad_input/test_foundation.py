"""Foundation models that are not installed, or asked for what they do not know, and sources of arms that do not fit."""

from pathlib import Path

import pytest

from al_core.errors import LabelError
from calculators.foundation import chgnet
from tests.bad_input.inputs import GROWTH, Refused, bundles, file_of, germanium, labelled

MISSING = "CHGNet is not installed; pip install graft-mlip[foundation]"
TAUGHT = "arms=[scratch, {name: distilled, kind: transfer, source: {kind: bundles, path: models}}]"


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> str:
        raise LabelError(MISSING)

    monkeypatch.setattr(chgnet, "_version", fails)


@pytest.mark.usefixtures("not_installed")
def test_a_study_that_needs_it_says_what_to_install(refused_study: Refused) -> None:
    assert f"labeler chgnet: {MISSING}" in refused_study("zero_shot=[chgnet]")
    assert f"labeler chgnet: {MISSING}" in refused_study("source.labeler=chgnet")
    assert f"labeler chgnet: {MISSING}" in refused_study("labeler=chgnet")


@pytest.mark.usefixtures("not_installed")
@pytest.mark.parametrize("command", ["label", "properties"])
def test_a_command_that_needs_it_says_what_to_install(refused: Refused, command: str) -> None:
    file_of("some.extxyz", germanium(0))
    arguments = ["some.extxyz"] if command == "label" else ["--element", "Ge"]
    assert MISSING in refused(command, *arguments, "--labeler", "chgnet")


def test_an_element_it_has_not_seen_is_refused(refused: Refused, refused_study: Refused) -> None:
    expected = (
        "structure 0 of {}: CHGNet 0.3.0 has seen no Po: it knows the elements up to Pu but for Po, At, Rn, Fr, Ra"
    )
    file_of("some.extxyz", germanium(0, "Po"))
    assert expected.format("some.extxyz") in refused("label", "some.extxyz", "--labeler", "chgnet")
    changes = ["target=Po"]
    for number, key in enumerate(("pool", "test")):
        file = file_of(f"{key}.extxyz", *(labelled(10 * number + i, "Po") for i in range(4)))
        changes.append(f"{key}={file}")
    answers = "labeler={kind: dataset, path: pool.extxyz}"
    assert expected.format("test (zero_shot)") in refused_study(*changes, answers, "zero_shot=[chgnet]")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("zero_shot=[chgnet, {kind: chgnet}]", "zero_shot names something twice: ['CHGNet 0.3.0', 'CHGNet 0.3.0']"),
        ("zero_shot=[chgnot]", "unknown kind 'chgnot'; did you mean 'chgnet'?"),
        (
            "zero_shot=[{kind: chgnet, model: 0.4.0}]",
            "model: input should be '0.3.0', '0.2.0' or 'r2scan', got '0.4.0'",
        ),
        ("arms=[{kind: scratch, source: {kind: bundled, name: si-pbe}}]", "unknown key 'source'"),
        ("arms=[{kind: transfer, source: {kind: pretrain}}]", "unknown kind 'pretrain' (known: bundled, bundles)"),
    ],
)
def test_wrong_settings_are_refused(refused_study: Refused, change: str, expected: str) -> None:
    assert expected in refused_study(change)


def test_a_source_of_an_arm_that_is_not_there_or_too_small_is_refused(refused_study: Refused) -> None:
    assert f"{Path.cwd() / 'models'}: no committee" in refused_study(TAUGHT)
    bundles("models", "Ge")
    message = refused_study(TAUGHT)
    assert f"committee: 2 members need as many source models; in {Path.cwd() / 'models'} there are 1" in message


def test_a_source_of_an_arm_of_another_architecture_is_refused(refused_study: Refused) -> None:
    bundles("models", "Ge", "Ge")
    expected = "is of another architecture than the study's source (channels 32 against 8); all arms of a study"
    assert expected in refused_study(TAUGHT)
    assert expected.replace("32 against 8", "32 against 16") in refused_study(TAUGHT, "source.model.channels=16")


def test_a_growth_has_one_source(refused: Refused) -> None:
    Path("grow.yaml").write_text(GROWTH)
    change = "arm={kind: transfer, source: {kind: bundled, name: si-pbe}}"
    message = refused("grow", "grow.yaml", "--out", "out", "--set", change)
    assert "arm.source: a growth has one source; name this committee under source instead" in message
