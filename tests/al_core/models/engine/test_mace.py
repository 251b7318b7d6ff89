"""mace and e3nn are imported when their modules are asked for, and leave the process as it was."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]


def _run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_models_imports_neither_mace_nor_e3nn() -> None:
    program = """
import importlib, os, pkgutil, sys
import torch
import al_core.models
state = lambda: (dict(os.environ), torch.get_default_dtype(), torch.random.get_rng_state().tolist(),
                 torch.serialization.get_safe_globals())
before = state()
for module in pkgutil.walk_packages(al_core.models.__path__, "al_core.models."):
    importlib.import_module(module.name)
assert state() == before
print(*sorted({"mace", "e3nn"} & set(sys.modules)))
"""
    assert _run(program).split() == []


@pytest.mark.slow
def test_asking_for_mace_leaves_loading_safe_and_prints_nothing() -> None:
    program = """
import os
from al_core.models.engine.mace import mace_modules
os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
assert mace_modules().ScaleShiftMACE
assert "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD" not in os.environ
"""
    assert _run(program) == ""
