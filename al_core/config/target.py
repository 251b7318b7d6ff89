"""What a study is of: an element, or the elements of a compound, each with the one of the source it starts from."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, PlainSerializer, Tag, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.base import KINDS, Element, Strict, known_element


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _distinct(symbols: tuple[str, ...]) -> tuple[str, ...]:
    for symbol in symbols:
        known_element(symbol)
    if twice := sorted({symbol for symbol in symbols if symbols.count(symbol) > 1}):
        raise PydanticCustomError("elements", "names {got} twice", {"got": twice[0]})
    return symbols


Elements = Annotated[
    tuple[str, ...],
    BeforeValidator(_listed, json_schema_input_type=str | list[str]),
    AfterValidator(_distinct),
    PlainSerializer(lambda symbols: symbols[0] if len(symbols) == 1 else list(symbols)),
    Field(min_length=1),
]


class ElementMap(Strict):
    """The elements of a compound, such as `{Ga: In, As: As}` for gallium arsenide to indium arsenide."""

    map: Annotated[
        dict[Element, Element],
        Field(min_length=1, description="Each element of the source, and the one of the target that starts from it."),
    ]

    @model_validator(mode="after")
    def _one_source_each(self) -> Self:
        targets = list(self.map.values())
        if twice := sorted({symbol for symbol in targets if targets.count(symbol) > 1}):
            message = f"two elements of the source become {twice[0]}: each needs one of its own"
            raise PydanticCustomError("map", "{message}", {"message": message})
        return self


Target = Annotated[
    Annotated[Element, Tag("an element")] | Annotated[ElementMap, Tag("a compound")],
    Discriminator(lambda value: "a compound" if isinstance(value, dict | ElementMap) else "an element"),
]
TargetPart = Annotated[
    Target,
    Field(
        description="Chemical symbol of the element that has few labels; of a compound, what each element of the "
        "source becomes: `{map: {Mg: Ca, O: O}}`."
    ),
]
KINDS.update(("an element", "a compound"))  # which pydantic puts into the location of a fault


def elements_of(target: Target) -> tuple[str, ...]:
    """Return the chemical symbols of a target, in the order of its map."""
    return (target,) if isinstance(target, str) else tuple(target.map.values())


def title_of(target: Target) -> str:
    """Return what tables, files and messages call a target, such as ``Ge`` or ``InAs``."""
    return "".join(elements_of(target))


def described_target(target: Target) -> Any:
    """Return what identifies a target, JSON-ready."""
    return target if isinstance(target, str) else [list(pair) for pair in target.map.items()]


def sources_of(target: Target, of_source: Sequence[str]) -> tuple[str, ...]:
    """Return the element of a source that each element of the target starts from, in the order of the target's.

    Args:
        target: the target.
        of_source: the elements of the source's models.

    Raises:
        ValueError: the target says of no element of a compound what becomes of it, or the source lacks one.
    """
    known = ", ".join(of_source)
    if isinstance(target, str):
        if len(of_source) > 1 and target not in of_source:
            raise ValueError(
                f"target: the source's models are of several elements ({known}), got {target} alone; say which becomes "
                f"which: target: {{map: {{{of_source[0]}: {target}}}}}"
            )
        return (target,) if target in of_source else (of_source[0],)
    missing = [symbol for symbol in target.map if symbol not in of_source]
    if missing and {*elements_of(target)} <= {*of_source}:
        return elements_of(target)  # models of the target itself
    if missing:
        raise ValueError(f"target.map: the source's models are of {known}, and know no {', '.join(missing)}")
    return tuple(target.map)
