"""Models of other codes that are not there, not trusted, or no models."""

from pathlib import Path

import pytest

from tests.bad_input.inputs import Refused


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["gone.model", "--trust"], "gone.model: no such file"),
        (["text.model"], "reading it runs the code in it; if you trust where it comes from, give --trust"),
        (["text.model", "--trust"], "text.model: no model of mace that can be read"),
        (["text.model", "--trust", "--elements", "Mg,Xx"], "'Xx' is not a chemical element"),
        (["text.model", "--trust", "--elements", "Mg,Mg"], "element: names Mg twice"),
        (
            ["text.model", "text.model", "text.model", "--members", "2", "--trust"],
            "--members 2: fewer than the 3 files",
        ),
        (["text.model", "--trust", "--out", "full"], "--out full: is there already and not empty"),
    ],
)
def test_a_model_that_cannot_be_converted_is_one_message(refused: Refused, arguments: list[str], expected: str) -> None:
    Path("text.model").write_text("no pickle")
    Path("full").mkdir()
    Path("full/file").touch()
    given = arguments if "--out" in arguments else [*arguments, "--out", "committee"]
    assert expected in refused("convert", *given)
