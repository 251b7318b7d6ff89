"""The JSON schemas of the configs, for editors and other tools that check YAML files."""

from typing import Any

from al_core.config.base import Strict
from al_core.config.convergence import ConvergenceConfig
from al_core.config.growth import GrowthConfig
from al_core.config.sources import PretrainConfig
from al_core.config.study import StudyConfig

CONFIGS: dict[str, type[Strict]] = {
    "study": StudyConfig,
    "grow": GrowthConfig,
    "pretrain": PretrainConfig,
    "convergence": ConvergenceConfig,
}


def json_schema(config: type[Strict]) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a config.

    Like the config itself, it accepts the bare name of a kind that has no required settings, and asks for ``kind``
    where there are several.
    """
    schema = config.model_json_schema()
    part = _with_kinds(schema, schema.get("$defs", {}))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **part}


def _with_kinds(node: Any, classes: dict[str, Any]) -> Any:
    """Return a schema in which every choice by ``kind`` asks for it, and takes bare names where they are enough."""
    if isinstance(node, list):
        return [_with_kinds(item, classes) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _with_kinds(value, classes) for key, value in node.items()}
    if "discriminator" not in made:
        return made
    mapping = made.pop("discriminator")["mapping"]
    bare = [kind for kind, reference in mapping.items() if not classes[reference.split("/")[-1]].get("required")]
    parts = [{**part, "required": ["kind"]} for part in made.pop("oneOf")]
    return {**made, "anyOf": [{"enum": bare}, *parts] if bare else parts}
