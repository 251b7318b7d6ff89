"""The command ``graft schema``."""

import json
from typing import Annotated, Literal

import typer

SchemaOf = Literal["study", "grow", "pretrain", "convergence"]


def schema(config: Annotated[SchemaOf, typer.Argument(help="The file that the schema describes.")]) -> None:
    """Print the JSON schema of a config, for editors and other tools that check YAML files."""
    from al_core.config.schema import CONFIGS, json_schema

    print(json.dumps(json_schema(CONFIGS[config]), indent=2, ensure_ascii=False))
