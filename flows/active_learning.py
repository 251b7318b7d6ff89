"""The flow ``active-learning``: one potential is grown, label by label, until it is good enough for its purpose."""

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from al_core.config.growth import GrowthConfig
from al_core.config.reading import load_config
from al_core.exploration.starts import crystal_of, starting_points
from al_core.labels.store import LabelStore
from al_core.learning.growth import Growth
from al_core.models.committee import content_hash, seed_members
from al_core.report.growth import write_growth_report
from al_core.report.growth_card import growth_card
from al_core.storage.files import write_text
from al_core.storage.hashing import digest, file_sha256, label_key, structure_id
from al_core.structures.datasets import read_structures, write_labelled
from al_core.studies.data import file_or_bundled, given_structures, unique, write_structures
from al_core.studies.features import MappedInputs, are_mapped
from al_core.studies.growth_index import Round, in_a_line, write_growth
from al_core.studies.ledger import Requests, ledger
from al_core.studies.workspace import Workspace
from calculators.base import make_labeler
from flows import tasks
from flows.growth_preflight import preflight_growth
from flows.runtime.artifacts import artifact_key
from flows.runtime.current import running
from flows.runtime.progress import Counters
from flows.runtime.runner import make_runner
from flows.steps import GrowthTaskSteps
from flows.study import source_committee


@flow(name="active-learning", flow_run_name="grow {config}")
def active_learning(config: str, out: str | None = None, overrides: list[str] | None = None) -> str:
    """Grow a potential (or go on with it) and return the path of its report.

    Args:
        config: path of the YAML file.
        out: folder for stores, models and report; ``runs/<name>`` if not given.
        overrides: ``key.path=value`` changes to the config.

    Raises:
        ConfigError: the config, its data or the folder cannot be used; nothing was computed.
        LabelError: more labels failed than the config allows.
        TrainingError: the committee cannot be trained.
    """
    settings = load_config(GrowthConfig, Path(config), tuple(overrides or ()))
    return str(run_growth(settings, Path(out) if out else Path("runs") / settings.name))


def run_growth(config: GrowthConfig, out: Path) -> Path:
    """Grow the potential of a validated config inside a flow run and return the path of its report."""
    workspace = Workspace(out.resolve())
    preflight_growth(config, workspace.out)
    with workspace.alone(), running(make_runner(config.site, workspace.out)), Counters() as counters:
        workspace.use_store(config.store)
        source = source_committee(config.source, config.store, workspace, counters)
        members = seed_members(source, config.committee, config.seed)
        _prepare(config, workspace)
        labeler = make_labeler(config.labeler)
        identity = labeler.identity()
        requests = Requests(workspace)
        store = LabelStore(workspace.store)

        def spent() -> float:
            entries = [store.get(key) for key in requests.budgets]
            return sum(requests.paid(entry) for entry in entries if entry)

        growth = Growth(
            config=config,
            workspace=workspace,
            source=members,
            source_hash=content_hash(members),
            pool_hash=digest([structure_id(atoms) for atoms in read_structures(workspace.pool)]),
            test_hash=file_sha256(workspace.test) if config.test else "",
            steps=GrowthTaskSteps(workspace, config.labeler, counters),
            requests=requests,
            label_key=lambda name: label_key(name, identity),
            cost=labeler.estimate_core_seconds,
            spent=spent,
        )
        for one in growth.run():
            models = {each.number + 1: [each.model, *each.folds] for each in growth.rounds}
            hashes = {
                "source": {"folder": members[0].parent.name, "members": len(members), "hash": growth.source_hash},
                "test set": {"sha256": growth.test_hash},
                "labeler": identity,
            }
            _map(one, config, members[0], workspace)
            spent_by_now = ledger(workspace, requests, models, growth.failed)
            write_growth(workspace, config, growth.rounds, spent_by_now, hashes)
            write_growth_report(workspace.out)
            if one.reason:
                write_text(workspace.model / "MODEL_CARD.md", growth_card(workspace.out))
            _publish(one, config, workspace)
            counters.say(in_a_line(one, config.purpose.force_error_meV_per_A))
    return workspace.report


def _prepare(config: GrowthConfig, workspace: Workspace) -> None:
    """Write the structures that walkers start from, and the test set."""
    workspace.out.mkdir(parents=True, exist_ok=True)
    if config.starts is None:
        crystal = crystal_of(config.target, config.crystal)
        structures = [one.atoms for one in starting_points(config.purpose, config.exploration, crystal, config.seed, 0)]
    else:
        structures = given_structures(config.starts)
    write_structures(workspace.pool, unique(structures))
    if config.test is not None:
        write_labelled(workspace.test, file_or_bundled(config.test))
    else:
        workspace.test.unlink(missing_ok=True)  # of a run with another config


def _map(one: Round, config: GrowthConfig, source: Path, workspace: Workspace) -> None:
    """Find where starts, test set and a round's frames lie as the source's first model sees them."""
    files = (workspace.pool, workspace.test, *(workspace.frames(key) for key in one.explorations))
    there = tuple(file for file in files if file.is_file())
    inputs = MappedInputs(workspace.out, there, source, config.target, config.device)
    if not are_mapped(inputs):
        tasks.map_structures.submit(inputs).result()


def _publish(one: Round, config: GrowthConfig, workspace: Workspace) -> None:
    """Show a finished round in Prefect's UI."""
    create_markdown_artifact(
        f"# {config.name}\n\n{in_a_line(one, config.purpose.force_error_meV_per_A)}\n",
        key=artifact_key(config.name, workspace.out, "round", str(one.number)),
    )
