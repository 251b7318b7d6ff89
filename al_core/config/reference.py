"""The reference page of all configs, made from their classes.

python -m al_core.config.reference > docs/configs.md
"""

import inspect
import sys
from collections.abc import Iterator
from typing import Any, get_args

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from al_core.config.base import Strict
from al_core.config.evaluation import PropertySettings
from al_core.config.lights import LightsConfig
from al_core.config.schema import CONFIGS, json_schema

_READ: tuple[type[Strict], ...] = (*CONFIGS.values(), PropertySettings, LightsConfig)
_HEAD = """# Configs

<!-- Made by `python -m al_core.config.reference > docs/configs.md`; a test checks that it is up to date. -->

A study, a growth, a pretraining and a convergence study are each one YAML file. On the command line
`--set key.path=value` changes one setting of it. A wrong file is refused before anything is computed, with the nearest
valid key.

`graft schema study > study.schema.json` writes the JSON schema of a file (likewise `grow`, `pretrain`, `convergence`).
An editor checks a file by it if the first line of the file is `# yaml-language-server: $schema=study.schema.json`.

Where a setting takes one of several classes, `kind` chooses it: `labeler: {kind: gpaw, cutoff_eV: 400}`. The bare name
stands for the class with its defaults: `labeler: gpaw`.

| file | is read by |
| --- | --- |
| [StudyConfig](#studyconfig) | `graft study run`, `graft study plan` |
| [GrowthConfig](#growthconfig) | `graft grow` |
| [PretrainConfig](#pretrainconfig) | `graft pretrain` |
| [ConvergenceConfig](#convergenceconfig) | `graft convergence` |

[PropertySettings](#propertysettings) are those of `graft properties`, on its command line: `--set defects.supercell=3`.
[LightsConfig](#lightsconfig) is the file of its `--lights`.
"""


def page() -> str:
    """Return the page as Markdown: a section a class, a row a setting."""
    classes = config_classes()
    properties: dict[str, Any] = {}
    for config in _READ:
        schema = json_schema(config)
        for name, part in {config.__name__: schema, **schema["$defs"]}.items():
            properties[name] = part["properties"]
    return "\n".join([_HEAD, *(_section(one, properties[one.__name__], classes) for one in classes)])


def config_classes() -> list[type[Strict]]:
    """Return the classes of all configs and their parts, each after the first one that uses it."""
    found: dict[type[Strict], None] = {}
    waiting: list[type[Strict]] = list(_READ)
    while waiting:
        one = waiting.pop(0)
        if one not in found:
            found[one] = None
            waiting += [part for field in one.model_fields.values() for part in _parts(field.annotation)]
    return list(found)


def _parts(annotation: Any) -> Iterator[type[Strict]]:
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)


def _section(one: type[Strict], properties: dict[str, Any], classes: list[type[Strict]]) -> str:
    lines = [f"## {one.__name__}", "", inspect.cleandoc(one.__doc__ or "").replace("``", "`")]
    if users := _users(one, classes):
        lines += ["", f"{users}."]
    if names := [name for name in one.model_fields if name != "kind"]:
        lines += ["", "| key | type | default | |", "| --- | --- | --- | --- |"]
        lines += [_row(name, one.model_fields[name], properties[name]) for name in names]
    return "\n".join([*lines, ""])


def _users(one: type[Strict], classes: list[type[Strict]]) -> str:
    """Return which settings of which classes take such a part, and by which kind."""
    users: dict[str, list[str]] = {}
    for user in classes:
        for name, field in user.model_fields.items():
            if one in _parts(field.annotation):
                users.setdefault(name, []).append(f"[{user.__name__}]({_anchor(user.__name__)})")
    settings = "; ".join(f"`{name}` of {', '.join(found)}" for name, found in users.items())
    kind = one.model_fields.get("kind")
    return f"`kind: {kind.default}`, for {settings}" if kind and settings else settings


def _row(name: str, field: FieldInfo, schema: dict[str, Any]) -> str:
    default = "required" if field.is_required() else _written(field.get_default(call_default_factory=True))
    return f"| `{name}` | {_type(schema)} | {default} | {field.description} |"


def _written(value: Any) -> str:
    """Return a default as one would write it into the YAML file."""
    plain = _plain(value)
    if plain in (None, "", [], {}):
        return "none" if not isinstance(value, BaseModel) else "its defaults"
    text = yaml.safe_dump(plain, default_flow_style=True, sort_keys=False, width=1000).removesuffix("...\n").strip()
    return f"`{text}`"


def _plain(value: Any) -> Any:
    """Return a default without classes; of a part only its kind and what differs from its class's defaults."""
    if isinstance(value, BaseModel):
        changed = value.model_dump(mode="json", exclude_defaults=True)
        kind = getattr(value, "kind", None)
        return {**({"kind": kind} if kind else {}), **changed} if changed else kind
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


_NAMES = {"integer": "integer", "number": "number", "string": "text", "boolean": "`true` or `false`"}
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def _type(schema: dict[str, Any]) -> str:
    """Return in words what a setting may be."""
    if "$ref" in schema:
        name = schema["$ref"].split("/")[-1]
        return f"[{name}]({_anchor(name)})"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if choices := schema.get("anyOf", schema.get("oneOf")):
        # bare names of kinds are explained at the top of the page; that nothing may be given is seen from the default
        kinds = any("$ref" in part for part in choices)
        parts = [part for part in choices if part.get("type") != "null" and not (kinds and "enum" in part)]
        return ", ".join(_type(part) for part in parts)
    if schema["type"] == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(_type(part) for part in schema['prefixItems'])}]"
        return f"list of {_type(schema['items'])}"
    if schema["type"] == "object":
        (values,) = schema.get("patternProperties", {"": schema.get("additionalProperties")}).values()
        return "anything, by name" if values is True else f"{_type(values)}, by name"
    bounds = [f"{sign} {schema[key]:g}" for key, sign in _BOUNDS.items() if key in schema]
    return f"{_NAMES[schema['type']]} {', '.join(bounds)}".strip()


def _anchor(name: str) -> str:
    return f"#{name.lower()}"


if __name__ == "__main__":
    sys.stdout.write(page())
