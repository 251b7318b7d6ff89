"""What a study is of: an element, or a compound whose elements each start from one of the source's."""

import pytest
from pydantic import ValidationError

from al_core.config.target import ElementMap, described_target, elements_of, sources_of, title_of

OXIDE = ElementMap(map={"Mg": "Ca", "O": "O"})


def test_a_compound_has_its_elements_in_the_order_of_the_map() -> None:
    assert elements_of(OXIDE) == ("Ca", "O")
    assert title_of(OXIDE) == "CaO"
    assert sources_of(OXIDE, ("O", "Mg")) == ("Mg", "O")
    assert described_target(OXIDE) == [["Mg", "Ca"], ["O", "O"]]


def test_an_element_starts_from_the_only_one_of_the_source_or_from_itself() -> None:
    assert elements_of("Ge") == ("Ge",)
    assert sources_of("Ge", ("Si",)) == ("Si",)
    assert sources_of("Ge", ("Si", "Ge")) == ("Ge",)
    assert described_target("Ge") == "Ge"


def test_models_of_the_compound_itself_start_as_they_are() -> None:
    assert sources_of(OXIDE, ("O", "Ca")) == ("Ca", "O")


@pytest.mark.parametrize(
    ("target", "source", "message"),
    [
        ("Ge", ("Mg", "O"), "got Ge alone; say which becomes which: target: {map: {Mg: Ge}}"),
        (OXIDE, ("Mg",), "the source's models are of Mg, and know no O"),
    ],
)
def test_a_target_that_the_source_does_not_lead_to_is_refused(target: object, source: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sources_of(target, source)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Mg": "Ca", "O": "Ca"}, "two elements of the source become Ca"),
        ({"Mg": "Xx"}, "'Xx' is not a chemical element"),
        ({"Yy": "Ca"}, "'Yy' is not a chemical element"),
        ({}, "at least 1"),
    ],
)
def test_a_map_that_cannot_be_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ElementMap(map=given)
