"""The shape of the tree: small modules, few at the root, importing does nothing, and the tests mirror the code."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("al_core", "calculators", "flows")
MODULES = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
LONGEST = 300  # lines

# tests of al_core and calculators that are not those of one module, or of a part of a large one, and what they test
OF_SEVERAL = {
    "tests/al_core/evaluation/test_hcp.py": "properties of hexagonal close-packed crystals",
    "tests/al_core/labels/test_store_equivalents.py": "the label of an equivalent structure serves",
    "tests/al_core/labels/test_store_processes.py": "a label store under several processes",
    "tests/al_core/models/engine/test_derivatives.py": "forces and stresses of every part of the engine",
    "tests/al_core/models/engine/test_parts.py": "single parts of the engine against mace's",
    "tests/al_core/models/test_export.py": "bundles as files of mace",
    "tests/calculators/gpaw/test_gpaw_fft.py": "the Fourier transforms inside the labelling subprocess",
    "tests/calculators/gpaw/test_gpaw_start.py": "the first wave functions inside the labelling subprocess",
    "tests/calculators/gpaw/test_gpaw_stress.py": "the stress inside the labelling subprocess",
    "tests/calculators/test_contract.py": "what every labeler promises",
    "tests/calculators/test_known.py": "the labelers that do not compute: data sets and imported labels",
}


def _where(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_module_is_too_long() -> None:
    assert {_where(path) for path in MODULES if len(path.read_text().splitlines()) > LONGEST} == set()


def test_the_root_of_al_core_has_only_what_all_rooms_share() -> None:
    assert {path.name for path in (ROOT / "al_core").glob("*.py")} == {"__init__.py", "types.py", "errors.py"}


@pytest.mark.parametrize("path", MODULES, ids=_where)
def test_every_package_has_a_docstring_that_says_what_it_is(path: Path) -> None:
    assert path.read_text().startswith('"""')


@pytest.mark.parametrize("layer", ["al_core", "calculators"])
def test_the_tests_mirror_the_modules(layer: str) -> None:
    """``tests/al_core/x/test_y.py`` tests the module or package ``al_core/x/y``, or ``al_core/x`` if y is x."""
    strays = set()
    for test in (ROOT / "tests" / layer).rglob("test_*.py"):
        folder = ROOT / test.parent.relative_to(ROOT / "tests")
        name = test.stem.removeprefix("test_")
        if not ((folder / f"{name}.py").exists() or (folder / name).is_dir() or folder.name == name):
            strays.add(_where(test))
    assert strays == {name for name in OF_SEVERAL if name.startswith(f"tests/{layer}/")}


def test_importing_any_module_does_nothing(tmp_path: Path) -> None:
    names = [_where(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in MODULES]
    program = (
        "import importlib, logging, os, random, signal\n"
        "import numpy as np, prefect, spglib, torch\n"
        "prefect.flow(lambda: None, name='any')  # the first flow of a process makes Prefect set up its logging\n"
        "def state():\n"
        "    random_state = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()\n"
        "    return [random_state, torch.get_default_dtype(), torch.get_num_threads(),\n"
        "            logging.getLogger().handlers[:], logging.getLogger().level,\n"
        "            signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), os.getcwd(),\n"
        "            torch.is_grad_enabled(), spglib.error.OLD_ERROR_HANDLING]\n"
        "before = state()\n"
        f"for name in {names!r}:\n"
        "    importlib.import_module(name)\n"
        "    assert state() == before, name\n"
    )
    folder = tmp_path / "work"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == []
