"""What all configs are made of: strictness, the kinds of parts, and the types of single values."""

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from ase.data import atomic_names, chemical_symbols
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError


def nearest(word: str, known: Sequence[str]) -> str:
    """Return ', did you mean ...?' if a known word is near, then the known words."""
    close = difflib.get_close_matches(str(word), known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"{hint} (known: {', '.join(sorted(known))})"


PATTERNS: dict[str, str] = {}  # in words, for messages
_NAME = "a name of letters, digits, '_', '.' and '-' that begins with a letter or digit"


def written(pattern: str, words: str) -> str:
    """Return a pattern that texts of configs must have, which messages say in words."""
    PATTERNS[pattern] = words
    return pattern


class Strict(BaseModel):
    """Base of all configs: unknown keys are errors that name the nearest known key, and yes/no is not a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    later: ClassVar[tuple[str, ...]] = ()  # settings that came after results had been keyed without them

    def __hash__(self) -> int:
        return hash((type(self), self.model_dump_json()))  # settings may hold mappings, which have no hash

    @model_serializer(mode="wrap")
    def _as_before(self, settings: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out later settings that are at their default, so that what was made before them is found again."""
        dumped = settings(self)
        for key in self.later:
            if getattr(self, key) == type(self).model_fields[key].default:
                dumped.pop(key, None)
        return dict(dumped)

    @model_validator(mode="before")
    @classmethod
    def _known_keys_only(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key, value in data.items():
                if key not in cls.model_fields:
                    message = f"unknown key {str(key)!r}{nearest(key, list(cls.model_fields))}"
                    raise PydanticCustomError("unknown_key", "{message}", {"message": message})
                parts = value if isinstance(value, list | tuple) else [value]
                if cls.model_fields[key].annotation is not bool and any(isinstance(part, bool) for part in parts):
                    message = f"{key} is not a matter of true or false, got {value!r}"
                    raise PydanticCustomError("truth", "{message}", {"message": message})
        return data


class Method(Strict):
    """Base of arms and acquisitions: the settings are what a method is, the name is what tables and figures call it."""

    later: ClassVar[tuple[str, ...]] = ("name",)

    name: Annotated[
        str,
        Field(
            pattern=written(r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$", _NAME),
            max_length=80,
            description="What tables and figures call it, its kind if not given. It tells two of one kind apart.",
        ),
    ] = ""

    @property
    def title(self) -> str:
        """The name in use: the one given, or the kind."""
        return self.name or str(getattr(self, "kind"))  # noqa: B009  each method has a kind, this base has none

    def unnamed(self) -> Self:
        """Return the same method without its name: equal where the settings are."""
        return self.model_copy(update={"name": ""})

    def settings(self) -> dict[str, Any]:
        """Return what identifies the method, JSON-ready: everything but its name."""
        return self.model_dump(mode="json", exclude={"name"})


def known_element(symbol: str) -> str:
    """Return a chemical symbol; the fault of one that is none."""
    if symbol not in chemical_symbols[1:]:
        meant = meant_element(symbol)
        message = f"{symbol!r} is not a chemical element" + (f"; did you mean {meant}?" if meant else "")
        raise PydanticCustomError("element", "{message}", {"message": message})
    return symbol


def meant_element(word: str) -> str | None:
    """Return the chemical symbol that a name, or a symbol in other letters, stands for."""
    symbols = {one: one for one in chemical_symbols[1:]}
    return (dict(zip(atomic_names[1:], chemical_symbols[1:], strict=True)) | symbols).get(word.capitalize())


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))


def _server(url: str) -> str:
    if not re.match(r"^postgres(ql)?://[^\s]+$", url):
        message = "expected postgresql://user@host/name, the URL of a data base on a PostgreSQL server, got {got}"
        raise PydanticCustomError("url", "{message}", {"message": message.format(got=repr(url))})
    if re.match(r"^\w+://[^/@]*:[^/@]*@", url) or "password=" in url:
        message = (
            "configs are copied into reports: leave the password out of the URL, put it into ~/.pgpass or PGPASSWORD"
        )
        raise PydanticCustomError("url", "{message}", {"message": message})
    return url


Element = Annotated[str, AfterValidator(known_element)]
UserPath = Annotated[Path, AfterValidator(_absolute)]
Name = Annotated[str, Field(pattern=written(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", _NAME), max_length=80)]
PositiveFloat = Annotated[float, Field(gt=0)]
PositiveInt = Annotated[int, Field(ge=1)]
StoreURL = Annotated[str, AfterValidator(_server)]
Device = Annotated[
    str,
    Field(
        pattern=written(r"^(auto|cpu|cuda(:[0-9]+)?)$", "auto, cpu, cuda or cuda:N"),
        description="Where to train: `cpu`, `cuda`, `cuda:N`, or `auto`, which takes a GPU where there is one.",
    ),
]
KIND = Field(description="Chooses this kind; a part whose other settings all have defaults may be given by it alone.")

KINDS: set[str] = set()  # of all parts: pydantic puts the kind into the location of a fault, a user's message does not


def kinds(*names: str, instead: Mapping[str, str] | None = None) -> BeforeValidator:
    """Return the check that a part's ``kind`` is one of these; a bare string stands for a part of that kind.

    ``instead`` is what users mean with words that are no kind.
    """
    KINDS.update(names)

    def check(value: Any) -> Any:
        if isinstance(value, str):
            value = {"kind": value}
        kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
        if kind not in names:
            what = f"unknown kind {kind!r}" if kind else "needs a 'kind'"
            meant = f"; did you mean {instead[str(kind)]}?" if instead and str(kind) in instead else ""
            message = f"{what}{meant or nearest(str(kind or ''), list(names))}"
            raise PydanticCustomError("unknown_kind", "{message}", {"message": message})
        return value

    return BeforeValidator(check)
