"""The smoke study's place and parts, and a shell to run commands in."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from al_core.studies.results import Row, StudyResults

ROOT = Path(__file__).resolve().parents[3]
SMOKE = ROOT / "configs" / "smoke.yaml"
GRAFT = Path(sys.executable).with_name("graft")
ARMS, ACQUISITIONS, BUDGETS = ("scratch", "transfer", "rescaled"), ("random", "uncertainty"), (1, 2, 4)


@dataclass(frozen=True)
class Shell:
    """Commands in a folder, with a home of Prefect's own that nothing else uses."""

    folder: Path
    home: Path

    def run(self, *command: Any, code: int = 0) -> subprocess.CompletedProcess[str]:
        env = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env={**env, "PREFECT_HOME": str(self.home), "NO_COLOR": "1", "COLUMNS": "200", "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def graft(self, *arguments: Any, code: int = 0) -> str:
        return self.run(GRAFT, *arguments, code=code).stdout


def rows_at(results: StudyResults, **wanted: Any) -> list[Row]:
    """Return the rows with these values."""
    return [row for row in results.rows if all(getattr(row, key) == value for key, value in wanted.items())]
