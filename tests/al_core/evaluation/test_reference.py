"""Reference values from a file."""

import json
from pathlib import Path

import pytest

from al_core.errors import ConfigError
from al_core.evaluation.reference import read_reference


def test_values_are_read_and_what_could_not_be_computed_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "reference.json"
    content = {"C11_GPa": {"value": 104.0, "unit": "GPa"}, "C12_GPa": {"value": None, "remark": "no"}}
    file.write_text(json.dumps({"element": "Ge", "potential": "gpaw", **content}))
    assert read_reference(file, "Ge") == {"C11_GPa": 104.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "is not JSON"),
        ("[1]", "expected what graft properties --json prints"),
        ('{"C11_GPa": {"value": 1}}', "expected what graft properties --json prints"),
        ('{"element": "Si"}', "is of Si, the potential is of Ge"),
    ],
)
def test_what_is_no_reference_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "reference.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_reference(file, "Ge")
