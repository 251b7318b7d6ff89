"""Changed inputs of every kind end in an error of Graft's own, or are good: no traceback, no hang, no file outside.

Some of each kind here; ``make fuzz`` tries 100,000.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ase.io import write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from al_core.config.convergence import ConvergenceConfig
from al_core.config.growth import GrowthConfig
from al_core.config.reading import load_config
from al_core.config.sources import PretrainConfig
from al_core.config.study import StudyConfig
from al_core.errors import BundleError, ConfigError, GraftError
from al_core.models.bundle import load_bundle
from al_core.models.card import CARD, WEIGHTS
from al_core.structures.datasets import LabelKeys, checked_labels
from al_core.studies.results import load_results
from al_core.studies.workspace import Workspace
from flows.planning import checked_labeler, checked_site
from tests.al_core.studies.made_up import write_study
from tests.bad_input.inputs import GROWTH, STUDY, labelled
from tests.fuzz.mutations import VALUES, changed_bytes, changed_data

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = {
    "study": (StudyConfig, STUDY),
    "grow": (GrowthConfig, GROWTH),
    "pretrain": (PretrainConfig, (ROOT / "configs" / "pretrain_si.yaml").read_text()),
    "convergence": (ConvergenceConfig, (ROOT / "configs" / "convergence.yaml").read_text()),
}
SITES = [yaml.safe_load(file.read_text()) for file in sorted((ROOT / "configs" / "sites").glob("*.yaml"))]

# threads of earlier tests in this process, Dask's, draw random numbers meanwhile
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")

EXAMPLES = int(os.environ.get("GRAFT_FUZZ", "60"))  # of each test
settings.register_profile("fuzz", max_examples=EXAMPLES, deadline=5000, suppress_health_check=list(HealthCheck))
settings.load_profile("fuzz")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder to work in; what stands beside it is the same afterwards."""
    outer = tmp_path_factory.mktemp("outer")
    inner = outer / "inner"
    inner.mkdir()
    with contextlib.chdir(inner):
        yield inner
    assert list(outer.iterdir()) == [inner]


def _refused_or_good(kind: str, text: bytes, folder: Path, overrides: tuple[str, ...] = ()) -> None:
    file = folder / "config.yaml"
    file.write_bytes(text)
    with contextlib.suppress(ConfigError):
        load_config(CONFIGS[kind][0], file, overrides)


@pytest.mark.parametrize("kind", CONFIGS)
@given(data=st.data())
def test_configs_with_other_values(kind: str, folder: Path, data: st.DataObject) -> None:
    changed = data.draw(changed_data(yaml.safe_load(CONFIGS[kind][1])))
    _refused_or_good(kind, yaml.safe_dump(changed).encode("utf-8", "surrogatepass"), folder)


@given(text=changed_bytes(STUDY.encode()))
def test_configs_with_other_bytes(folder: Path, text: bytes) -> None:
    _refused_or_good("study", text, folder)


@given(
    key=st.sampled_from(["pool", "arms.0", "pool.slices.0", "source", "site", "budgets", "training", "", "name"])
    | st.text(max_size=15),
    part=st.sampled_from(["", ".kind", ".0", ".path", "..", ".seed"]),
    value=st.text(max_size=20) | VALUES.map(lambda value: json.dumps(value, default=str)),
)
def test_overrides(folder: Path, key: str, part: str, value: str) -> None:
    _refused_or_good("study", STUDY.encode(), folder, (f"{key}{part}={value}",))


@given(site=st.sampled_from(SITES).flatmap(changed_data), labeler=changed_data({"kind": "gpaw", "cutoff_eV": 300}))
def test_sites_and_labelers(site: object, labeler: object) -> None:
    for checked, value in ((checked_site, site), (checked_labeler, labeler)):
        with contextlib.suppress(ConfigError):
            checked(value)


@given(data=st.data())
def test_structures_with_labels(folder: Path, data: st.DataObject) -> None:
    good, file = folder / "good.extxyz", folder / "structures.extxyz"
    if not good.exists():
        write(good, [labelled(2), labelled(3)], format="extxyz")
    file.write_bytes(data.draw(changed_bytes(good.read_bytes())))
    with contextlib.suppress(ConfigError):
        checked_labels(file, LabelKeys())


@given(data=st.data())
def test_bundles(folder: Path, data: st.DataObject) -> None:
    good, bundle = ROOT / "tests" / "data" / "bundle-before-engine", folder / "bundle"
    bundle.mkdir(exist_ok=True)
    card, weights = json.loads((good / CARD).read_text()), (good / WEIGHTS).read_bytes()
    if data.draw(st.booleans()):
        weights = data.draw(changed_bytes(weights))
        card["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    else:
        card = data.draw(changed_data(card))
    (bundle / CARD).write_text(json.dumps(card))
    (bundle / WEIGHTS).write_bytes(weights)
    with contextlib.suppress(BundleError):
        load_bundle(bundle)


@given(data=st.data())
def test_files_of_a_study(folder: Path, data: st.DataObject) -> None:
    good, changed = Workspace(folder / "good"), Workspace(folder / "changed")
    if not good.out.exists():
        write_study(good)
    shutil.rmtree(changed.out, ignore_errors=True)
    shutil.copytree(good.out, changed.out)
    file = data.draw(st.sampled_from(sorted(changed.out.rglob("*.json"))))
    file.write_text(json.dumps(data.draw(changed_data(json.loads(file.read_text())))))
    with contextlib.suppress(GraftError):
        load_results(changed.out)
