"""The directions of the imports, as ``docs`` and the package docstrings promise them."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("al_core", "calculators", "flows")
FILES = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]

# what calculators may know of al_core
CALCULATORS_MAY = {"types", "errors", "config", "storage", "structures"}
GPAW_PROGRAM = [ROOT / "calculators" / "gpaw" / name for name in ("_worker.py", "_fft.py", "_start.py", "_stress.py")]
# not to be loaded by importing a package: slow, or with side effects
HEAVY = {"e3nn", "gpaw", "mace", "plotly", "prefect", "scipy", "torch"}


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted name of everything a file imports, anywhere in it, 'package.module.name' for a from-import."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _where(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [path for path in FILES if path.is_relative_to(ROOT / "al_core")], ids=_where)
def test_al_core_knows_neither_flows_nor_calculators_nor_prefect(path: Path) -> None:
    assert not {name for name in imported(path) if name.split(".")[0] in {"flows", "calculators", "prefect"}}


@pytest.mark.parametrize("path", [path for path in FILES if path.is_relative_to(ROOT / "calculators")], ids=_where)
def test_calculators_know_only_the_nouns(path: Path) -> None:
    names = [name.split(".") for name in imported(path)]
    assert not [name for name in names if name[0] in {"flows", "prefect"}]
    of_core = {name[1] if len(name) > 1 else "" for name in names if name[0] == "al_core"}
    assert of_core <= CALCULATORS_MAY


@pytest.mark.parametrize("path", [path for path in FILES if path not in GPAW_PROGRAM], ids=_where)
def test_gpaw_is_imported_by_the_labelling_subprocess_only(path: Path) -> None:
    assert "gpaw" not in {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", GPAW_PROGRAM, ids=_where)
def test_the_labelling_subprocess_does_import_gpaw(path: Path) -> None:
    assert "gpaw" in {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("package", LAYERS)
def test_importing_a_package_does_nothing(package: str, tmp_path: Path) -> None:
    program = (
        "import os, sys, logging, pathlib\n"
        "before = dict(os.environ), logging.getLogger().handlers[:], logging.getLogger().level\n"
        f"import {package}\n"
        "after = dict(os.environ), logging.getLogger().handlers[:], logging.getLogger().level\n"
        "assert before == after, 'the environment or the root logger changed'\n"
        f"print(*({HEAVY!r} & set(sys.modules)))\n"
    )
    # from an empty folder, so that a file the import writes is seen
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
    assert list(tmp_path.iterdir()) == []
