"""The JSON schemas of the configs: they accept what the configs accept, and refuse what these refuse."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from al_core.config.reading import apply_overrides, validate
from al_core.config.schema import CONFIGS, json_schema
from al_core.errors import ConfigError
from tests.al_core.config.test_config import SHIPPED, STUDY

# data that the user names on the command line
NAMED = {"mlearn": ("pool.path=x", "labeler.path=x", "source.structures.path=x")}


class Yaml12(yaml.SafeLoader):
    """Reads 1e-7 as a number, as editors do; YAML 1.1 reads text, which the configs take as a number too."""


Yaml12.yaml_implicit_resolvers = {**yaml.SafeLoader.yaml_implicit_resolvers}
Yaml12.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^-?[0-9.]+e[-+]?[0-9]+$"), list("-0123456789"))


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_schema_is_a_schema(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(CONFIGS[kind]))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_config_fits_its_schema(path: Path) -> None:
    data = yaml.load(path.read_text(), Yaml12)
    apply_overrides(data, NAMED.get(path.stem, ()))
    of = "grow" if path.stem.startswith("grow") else data.get("kind", "study")
    jsonschema.validate(data, json_schema(CONFIGS[of]))


ACCEPTED: list[dict[str, Any]] = [
    {},
    {"labeler": "gpaw"},
    {"labeler": {"kind": "gpaw", "preset": "tight", "ladder": []}},
    {"arms": ["scratch", {"kind": "rescaled", "tuning": "ridge"}]},
    {"training": {"steps": 10}, "store": None},
]
REFUSED: list[dict[str, Any]] = [
    {"bugdets": [1]},
    {"labeler": "gpaww"},
    {"labeler": "dataset"},  # which file?
    {"labeler": {"cutoff_eV": 400}},  # of which kind?
    {"labeler": {"kind": "emt", "cutoff_eV": 400}},
    {"arms": [{"kind": "rescaled", "tuning": {"kind": "anchored", "strength": 0}}]},
    {"budgets": [0]},
    {"device": "gpu"},
]


@pytest.mark.parametrize("changes", ACCEPTED, ids=str)
def test_what_a_config_accepts_its_schema_accepts(changes: dict[str, Any]) -> None:
    validate(CONFIGS["study"], STUDY | changes, "test")
    arms = changes.get("arms", ["scratch"])  # in STUDY a learning rate is text
    jsonschema.validate(STUDY | {"arms": arms} | changes, json_schema(CONFIGS["study"]))


@pytest.mark.parametrize("changes", REFUSED, ids=str)
def test_what_a_config_refuses_its_schema_refuses(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        validate(CONFIGS["study"], STUDY | changes, "test")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(STUDY | {"arms": ["scratch"]} | changes, json_schema(CONFIGS["study"]))
