"""``graft schema``: the schema of every config, as JSON and nothing else."""

import json
import subprocess
import sys
from typing import get_args

from al_core.config.schema import CONFIGS, json_schema
from flows.cli.schema import SchemaOf


def _graft(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", "schema", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_schema_is_printed_as_json() -> None:
    done = _graft("study")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json_schema(CONFIGS["study"])


def test_the_command_knows_every_config() -> None:
    assert set(get_args(SchemaOf)) == set(CONFIGS)


def test_an_unknown_config_is_refused() -> None:
    done = _graft("studies")
    assert done.returncode == 2
    assert "pretrain" in done.stderr
