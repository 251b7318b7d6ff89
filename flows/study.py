"""The flow ``data-budget-study``: the whole experiment of one config."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from al_core.config.reading import load_config
from al_core.config.sources import SourcePart
from al_core.config.study import StudyConfig
from al_core.errors import LabelError
from al_core.labels.store import LabelStore
from al_core.learning.inputs import StudyInputs
from al_core.learning.rounds import Rounds
from al_core.models.committee import committee_folders, content_hash
from al_core.report.headline import headline
from al_core.report.render import write_report
from al_core.storage.hashing import digest, label_key, structure_id, structure_of
from al_core.structures.datasets import read_structures, slice_of, write_labelled
from al_core.studies.data import TEST_STRUCTURES, hash_of_test_set, prepare_data
from al_core.studies.expectations import TransferabilityInputs, is_estimated, transferability_sentences
from al_core.studies.grid import learners
from al_core.studies.index import write_index
from al_core.studies.ledger import TEST, Requests, ledger
from al_core.studies.pool_labels import write_pool_labels
from al_core.studies.pool_map import MapInputs, is_large, is_mapped
from al_core.studies.references import spent_on_references
from al_core.studies.results import Row, StudyResults, load_results
from al_core.studies.workspace import Workspace
from al_core.types import Labeler
from calculators.base import make_labeler
from calculators.classical.neutral import neutral_potential
from flows import tasks
from flows.arm_sources import arm_sources, starts
from flows.preflight import preflight
from flows.pretrain import train_committee
from flows.references import computed_references, read_references
from flows.runtime.artifacts import artifact_key
from flows.runtime.current import running
from flows.runtime.progress import Counters
from flows.runtime.runner import make_runner
from flows.sources import source_folder
from flows.steps import EVALUATIONS, MODELS, TaskSteps
from flows.zero_shot import measure_zero_shot


def default_out(name: str) -> Path:
    """Return the folder of a study that was given none."""
    return Path("runs") / name


@flow(name="data-budget-study", flow_run_name="study {config}")
def data_budget_study(config: str, out: str | None = None, overrides: list[str] | None = None) -> str:
    """Run (or go on with) a study and return the path of its report.

    Args:
        config: path of the study's YAML file.
        out: folder for stores, results and report; ``runs/<study name>`` if not given.
        overrides: ``key.path=value`` changes to the config.

    Raises:
        ConfigError: the config, its data or the folder cannot be used; nothing was computed.
        LabelError: more labels failed than the config allows.
    """
    study = load_config(StudyConfig, Path(config), tuple(overrides or ()))
    return str(run_study(study, Path(out) if out else default_out(study.name)))


def run_study(config: StudyConfig, out: Path) -> Path:
    """Run a validated config inside a flow run and return the path of its report."""
    workspace = Workspace(out.resolve())
    preflight(config, workspace.out)
    with workspace.alone(), running(make_runner(config.site, workspace.out)), Counters() as counters:
        workspace.use_store(config.store)
        source = source_committee(config.source, config.store, workspace, counters)
        data = prepare_data(
            config,
            workspace,
            neutral_potential,
            counters.counter("structures sampled"),
            make_labeler(config.labeler).identity(),
        )
        own = arm_sources(config)
        arms = starts(config, source, own)
        expected = TransferabilityInputs(workspace.out, arms, config.target, digest(data.pool), config.device)
        _estimate(expected, counters)
        labeler = make_labeler(config.labeler)
        identity = labeler.identity()
        requests = Requests(workspace)
        if data.unlabelled_test:
            requests.ask([label_key(name, identity) for name in data.test], TEST)
            _label_test_set(config, workspace, counters)
        label_keys = {name: label_key(name, identity) for name in data.pool}
        if any(acquisition.asks == "errors" for acquisition in config.acquisitions):
            write_pool_labels(workspace, labeler)
        asked = any(acquisition.asks_costs for acquisition in config.acquisitions)
        priced = read_structures(workspace.pool) if asked else []
        costs = {structure_id(atoms): labeler.original_core_seconds(atoms) for atoms in priced}
        sliced = any(acquisition.slices for acquisition in config.acquisitions)
        slices = {structure_id(one): slice_of(one) for one in read_structures(workspace.pool)} if sliced else {}
        test_hash = hash_of_test_set(workspace)
        inputs = StudyInputs(config, workspace, data.pool, label_keys, source, test_hash, costs, slices, own)
        zero_shot = measure_zero_shot(config, workspace, test_hash, counters)
        measured_against = _references(config, workspace, counters)
        committees = len(learners(config))
        counters.expect(MODELS, committees * len(config.budgets))
        counters.expect(EVALUATIONS, committees * sum(len(config.evaluations_at(one)) for one in config.budgets))
        rounds = Rounds(inputs, TaskSteps(workspace, config.labeler, counters), requests)
        for budget in rounds.run():
            _write_index(rounds, len(data.test), labeler, measured_against, zero_shot)
            _publish(load_results(workspace.out), budget, workspace)
        _map_pool(inputs, rounds)
    return write_report(workspace.out)


def source_committee(
    source: SourcePart, store: str | None, workspace: Workspace, counters: Counters
) -> tuple[Path, ...]:
    """Return all bundles of the source committee; trained now if the config says so, with labels kept in ``store``."""
    if source.kind == "pretrain":
        source = source.model_copy(update={"store": source.store or store})
        train_committee(source, source_folder(source, workspace), counters)
    return tuple(committee_folders(source_folder(source, workspace)))


def _label_test_set(config: StudyConfig, workspace: Workspace, counters: Counters) -> None:
    """Write ``test.extxyz`` with labels of the study's labeler; structures it cannot label are left out."""
    if workspace.test.exists():
        return
    file = workspace.out / TEST_STRUCTURES
    labelled, asked = tasks.label_file(file, config.labeler, workspace, counters), len(read_structures(file))
    if len(labelled) < (1 - config.max_failed_share) * asked:
        raise LabelError(f"{asked - len(labelled)} of {asked} test structures could not be labelled")
    write_labelled(workspace.test, labelled)


def _estimate(inputs: TransferabilityInputs, counters: Counters) -> None:
    """Say what is expected of the arms, once."""
    if inputs.arms and not is_estimated(inputs):
        tasks.transferability(inputs)
        for sentence in transferability_sentences(inputs.out):
            counters.say(sentence)


def _map_pool(inputs: StudyInputs, rounds: Rounds) -> None:
    """Map pool and test set as the source's first model sees them, if that is not done yet."""
    config, out = inputs.config, inputs.workspace.out
    wanted = MapInputs(out, inputs.source[0], config.target, inputs.pool_hash, inputs.test_hash, config.device)
    if is_large(inputs.pool):
        selected = {structure_of(key) for keys in rounds.labels.values() for key in keys}
        wanted = replace(wanted, selected=tuple(sorted(selected)))
    if not is_mapped(wanted):
        tasks.map_pool(wanted)


def _references(config: StudyConfig, workspace: Workspace, counters: Counters) -> dict[str, str]:
    """Return the key of the reference of each kind of evaluation that has one; computed now where it is new."""
    computed = computed_references(config, workspace.out)
    counters.expect("references", len(computed))
    for future in [tasks.reference.submit(one, config.labeler, one.evaluation.kind) for one in computed]:
        future.result()
        counters.done("references")
    return {one.evaluation.kind: one.key for one in computed} | read_references(config, workspace.out)


def _write_index(
    rounds: Rounds, test_structures: int, labeler: Labeler, measured_against: dict[str, str], zero_shot: dict[str, str]
) -> None:
    inputs = rounds.inputs
    models: dict[int, list[str]] = {}
    for (_, budget), cell in rounds.cells.items():
        models.setdefault(budget, []).append(cell.model)
    hashes = {
        "source": _described(inputs.source),
        **{
            f"source of {arm.title}": _described(inputs.arm_sources[own])
            for arm in inputs.config.arms
            if (own := arm.own_source)
        },
        "test set": {"structures": test_structures, "sha256": inputs.test_hash},
        "pool": {"structures": len(inputs.pool), "hash": inputs.pool_hash},
        "labeler": labeler.identity(),
    }
    labelled = LabelStore(inputs.workspace.store).entries(rounds.requests.budgets)
    spent = {"prices": {entry.key: labeler.original_core_seconds(entry.atoms) for entry in labelled}}
    failed = {inputs.label_keys[name]: cause for name, cause in rounds.failed.items()}
    spent |= ledger(inputs.workspace, rounds.requests, models, failed)
    spent |= spent_on_references(inputs.workspace, measured_against.values())
    write_index(inputs.workspace, inputs.config, rounds.cells, spent, hashes, measured_against, zero_shot)


def _described(source: tuple[Path, ...]) -> dict[str, Any]:
    """Return what tells a source committee, for the report."""
    return {"folder": source[0].parent.name, "members": len(source), "hash": content_hash(source)}


def _baseline(row: Row, name: str) -> dict[str, Any]:
    if not row.baseline_metrics or row.arm == name:
        return {f"{name}_force_mae_meV_per_A": "", "negative_transfer": ""}
    error = round(row.baseline_metrics["all"]["force_mae_meV_per_A"], 2)
    return {
        f"{name}_force_mae_meV_per_A": error,
        "negative_transfer": "yes" if row.negative_transfer() else "no",
    }


def _publish(results: StudyResults, budget: int, workspace: Workspace) -> None:
    """Show a finished budget in Prefect's UI."""
    rows: list[dict[str, Any]] = [
        {
            "comparison": row.comparison,
            "acquisition": row.acquisition,
            "arm": row.arm,
            "seed": row.seed,
            **{metric: round(value, 2) for metric, value in row.metrics["all"].items()},
            **_baseline(row, results.baseline),
        }
        for row in results.rows
        if row.budget == budget
    ]
    create_table_artifact(
        rows,
        key=artifact_key(results.name, workspace.out, "budget", str(budget)),
        description=f"{results.name}: errors with {budget} labels",
    )
    spent = results.ledger
    create_markdown_artifact(
        f"# {results.name} at {budget} labels\n\n{headline(results)}\n\n"
        f"{spent['labels_done']} labels ({spent['label_core_seconds']:.0f} core-seconds), "
        f"{spent['labels_failed']} failed; training {spent['training_core_seconds']:.0f} core-seconds.",
        key=artifact_key(results.name, workspace.out, "summary", str(budget)),
    )
