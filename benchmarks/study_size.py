"""How plan, status and report grow with a study: ``python -m benchmarks.study_size``; two minutes.

Runs the smoke study, of 36 cells, and writes its index anew with ten thousand: every cell under many seeds, which share
its files, each read as often as it is named. So what is timed is what a study of that size takes, but for models and
results on a cold disk. The ratio is of the seconds that a cell takes in the report of the small one to the large one's.
"""

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from al_core.report.render import write_report
from al_core.studies.results import load_results
from benchmarks._common import ratio, table
from flows.status import print_status

CELLS = (36, 1_008, 10_008)
SMOKE = Path(__file__).resolve().parents[1] / "configs" / "smoke.yaml"


def main() -> None:
    """Run, repeat, and time."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print((__doc__ or "").strip())
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "study"
        _graft("study", "run", str(SMOKE), "--out", str(out))
        index = json.loads((out / "study.json").read_text())
        rows = {cells: _times(out, index, cells) for cells in CELLS}
    columns = ("cells", "plan, s", "status, s", "read, s", "report, s", "report, MB")
    table(columns, [(f"{cells:,}", *(f"{one:.2f}" for one in row)) for cells, row in rows.items()])
    ratio(rows[CELLS[0]][3] / CELLS[0] / (rows[CELLS[-1]][3] / CELLS[-1]))


def _times(out: Path, index: dict[str, Any], cells: int) -> tuple[float, ...]:
    seeds = cells // len(index["grid"])
    repeated = [cell | {"seed": seed} for seed in range(seeds) for cell in index["grid"]]
    (out / "study.json").write_text(json.dumps(index | {"grid": repeated, "expected_rows": len(repeated)}))
    assert len(load_results(out).rows) == cells
    return (
        _seconds(lambda: _graft("study", "plan", str(SMOKE), "--set", f"seeds={list(range(seeds))}")),
        _seconds(lambda: print_status(out)),
        _seconds(lambda: load_results(out)),
        _seconds(lambda: write_report(out)),
        (out / "report.html").stat().st_size / 2**20,
    )


def _graft(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "flows.cli", *arguments], check=True, stdout=subprocess.DEVNULL)


def _seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        call()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
