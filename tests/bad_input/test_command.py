"""The refusal as a command gives it; and the control: all of this is refused for its fault alone."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bad_input.inputs import bundles, file_of, labelled

ROOT = Path(__file__).resolve().parents[2]


# ---- the control: all of this is refused for its fault alone ---------------------------------------------------------


def test_the_unchanged_config_is_not_refused(good_study: Callable[..., None]) -> None:
    good_study()


def test_good_files_and_bundles_are_not_refused(good_study: Callable[..., None]) -> None:
    bundles("source", "Si", "Si")
    good_study(
        f"pool={file_of('pool.extxyz', *map(labelled, range(6)))}",
        f"test={file_of('test.extxyz', *map(labelled, range(10, 13)))}",
        "labeler={kind: dataset, path: pool.extxyz}",
        "source={kind: bundles, path: source}",
    )


# ---- as a command ----------------------------------------------------------------------------------------------------


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["study", "run", "small.yaml", "--out", "out", "--set", "taget=Ge"],
        ["study", "run", "small.yaml", "--out", "/proc/graft"],
        ["label", "gone.extxyz", "--out", "out"],
    ],
)
def test_the_command_ends_with_code_2_and_one_message(workdir: Path, arguments: list[str]) -> None:
    done = _python("-m", "flows.cli", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert [path.name for path in workdir.iterdir()] == ["small.yaml"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["study", "run", "small.yaml", "--set", "taget=Ge"],
        ["study", "run", "small.yaml", "--set", "budgets=[1, 99]"],
        ["study", "run", "small.yaml", "--set", "labeler=gpaw", "--out", "/proc/graft"],
        ["label", "gone.extxyz"],
        ["pretrain", "small.yaml"],
    ],
)
def test_a_refusal_imports_nothing_heavy(workdir: Path, arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "import flows.cli\n"
        f"sys.argv = ['graft', *{arguments!r}]\n"
        "try:\n"
        "    flows.cli.main()\n"
        "except SystemExit as stopped:\n"
        "    assert stopped.code == 2, stopped.code\n"
        # ASE itself looks at gpaw's list of plugins, which is a package without the code
        "heavy = {'torch', 'mace', 'e3nn', 'prefect', 'gpaw.new', 'gpaw.core', 'gpaw.mpi', '_gpaw', 'plotly'}\n"
        "print(*(heavy & set(sys.modules)))\n"
    )
    done = _python("-c", program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
