"""The flow ``pretrain``: a committee of source models from a config."""

from pathlib import Path

from prefect import flow

from al_core.config.reading import load_config
from al_core.config.sources import PretrainConfig
from al_core.config.structures import SampledStructures
from al_core.errors import ConfigError
from al_core.models.sources.members import begun, untrained
from al_core.report.model_card import model_card
from al_core.storage.files import read_json, write_json, write_text
from al_core.storage.locks import folder_lock
from al_core.storage.progress import steps_done, steps_file
from al_core.structures.datasets import write_labelled
from al_core.structures.making import make_structures
from al_core.studies.data import file_or_bundled, write_structures
from al_core.studies.workspace import Workspace
from calculators.classical.neutral import neutral_potential
from flows import tasks
from flows.preflight import preflight_pretraining
from flows.runtime.current import current_runner, running
from flows.runtime.progress import Counters
from flows.runtime.runner import make_runner
from flows.sources import committee_key, is_pretrained


@flow(name="pretrain", flow_run_name="pretrain {config}")
def pretrain(config: str, out: str | None = None, overrides: list[str] | None = None) -> str:
    """Train a source committee and return its folder.

    Args:
        config: path of the YAML file.
        out: the committee's folder; ``runs/<name>`` if not given.
        overrides: ``key.path=value`` changes to the config.
    """
    settings = load_config(PretrainConfig, Path(config), tuple(overrides or ()))
    folder = Path(out) if out else Path("runs") / settings.name
    preflight_pretraining(settings, folder)
    runner = make_runner(settings.site, folder.resolve())
    with folder_lock(folder.resolve(), "a pretraining"), running(runner), Counters() as counters:
        return str(train_committee(settings, folder.resolve(), counters))


def train_committee(config: PretrainConfig, folder: Path, counters: Counters) -> Path:
    """Train the members that are not trained yet, inside a flow run; return the committee's folder."""
    inputs = committee_key(config)
    mark = folder / "inputs.json"
    if mark.exists() and read_json(mark) != inputs:
        raise ConfigError(f"{folder} holds source models of another config; choose another --out or delete it")
    if not is_pretrained(folder):
        data = folder / "training.extxyz"
        if not (data.exists() and mark.exists()):  # data without a mark may be another config's
            _write_training_data(config, data, counters)
        write_json(mark, inputs)
        _train_members(config, data, folder, counters)
        tasks.describe_committee(data, folder, config.device)
    card = folder / "MODEL_CARD.md"
    if not card.exists():
        write_text(card, model_card(folder, config.name))
    return folder


def _train_members(config: PretrainConfig, data: Path, folder: Path, counters: Counters) -> None:
    """Train the missing members, those that share a core in one pass."""
    numbers = untrained(folder, range(config.committee))
    groups = begun(folder, numbers)
    rest = [number for number in numbers if not any(number in group for group in groups)]
    cores = max(1, current_runner().cores - len(groups))
    groups += [rest[start::cores] for start in range(min(cores, len(rest)))]
    files = [steps_file(folder, group[0]) for group in groups]
    _remove(files)  # a killed run left them
    total = len(groups) * config.training.steps
    with counters.following("source training steps", total, lambda: steps_done(files)):
        for future in [tasks.pretrain_members.submit(config, data, folder, group) for group in groups]:
            future.result()
    _remove(files)


def _remove(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def _write_training_data(config: PretrainConfig, data: Path, counters: Counters) -> None:
    """Write the labelled training data under the ``REF_`` keys; labels are found or computed."""
    folder = data.parent
    if not isinstance(config.structures, SampledStructures):
        write_labelled(data, file_or_bundled(config.structures))
        return
    file = folder / "structures.extxyz"
    progress = counters.counter("structures sampled")
    frames = make_structures(config.structures, config.element, neutral_potential, "source", progress)
    write_structures(file, frames)
    workspace = Workspace(folder)
    workspace.use_store(config.store)
    assert config.labeler is not None  # the config's own check
    write_labelled(data, tasks.label_file(file, config.labeler, workspace, counters))
