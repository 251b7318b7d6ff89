"""The flow ``data-budget-study``: the whole experiment of one config."""

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from al_core.config.reading import load_config
from al_core.config.study import StudyConfig
from al_core.errors import LabelError
from al_core.labels.obtaining import finished
from al_core.labels.store import LabelStore
from al_core.models.card import committee_folders, content_hash, shipped_committee
from al_core.report.render import headline, write_report
from al_core.storage.hashing import digest, structure_id
from al_core.structures.datasets import read_structures, write_labelled
from al_core.studies.data import hash_of_test_set, prepare_data
from al_core.studies.grid import BASELINE, places
from al_core.studies.ledger import grown, ledger, write_summary
from al_core.studies.results import Row, StudyResults, load_results
from al_core.studies.workspace import Workspace
from calculators.base import make_labeler
from calculators.classical.neutral import neutral_potential
from flows import tasks
from flows.preflight import preflight
from flows.pretrain import committee_key, train_committee
from flows.rounds import Rounds
from flows.runtime.current import running
from flows.runtime.progress import Steps
from flows.runtime.runner import make_runner


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
    place = Workspace(out.resolve())
    preflight(config, place.out)
    with place.alone(), running(make_runner(config.runner, config.workers)), Steps() as steps:
        place.use_store(config.store)
        source = source_committee(config, place, steps)
        data = prepare_data(config, place, neutral_potential, steps.counter("structures sampled"))
        if data.unlabelled_test:
            _label_test_set(data.test, config, place, steps)
        rounds = Rounds(config, place, data, source, hash_of_test_set(place), steps)
        for budget in rounds.run():
            _write_state(rounds)
            _publish(load_results(place.out), budget)
    return write_report(place.out)


def source_committee(config: StudyConfig, place: Workspace, steps: Steps) -> tuple[Path, ...]:
    """Return all bundles of the source committee; trained now if the config says so."""
    source = config.source
    if source.kind == "pretrain":
        folder = train_committee(source, place.source / committee_key(source), steps)
    else:
        folder = shipped_committee(source.name) if source.kind == "bundled" else source.path
    return tuple(committee_folders(folder))


def _label_test_set(names: tuple[str, ...], config: StudyConfig, place: Workspace, steps: Steps) -> None:
    """Write ``test.extxyz`` with labels of the study's labeler; structures it cannot label are left out."""
    if place.test.exists():
        return
    file = place.out / "test_structures.extxyz"
    keys = tasks.label_all(names, config.labeler, place, (file,), steps)
    store = LabelStore(place.store)
    labelled = [
        (atoms, finished(store, keys[structure_id(atoms)])[1])
        for atoms in read_structures(file)
        if keys[structure_id(atoms)]
    ]
    if len(labelled) < (1 - config.max_failed_share) * len(names):
        raise LabelError(f"{len(names) - len(labelled)} of {len(names)} test structures could not be labelled")
    write_labelled(place.test, labelled)


def _write_state(rounds: Rounds) -> None:
    config, place = rounds.config, rounds.place
    budgets = sorted({budget for _, budget in rounds.cells})
    labels = {budget: grown(rounds.labels, budget) for budget in budgets}
    trained = [*rounds.cells.items(), *rounds.baselines.items()]
    cells = {b: list(dict.fromkeys(key for (_, budget), key in trained if budget == b)) for b in budgets}
    hashes = {
        "source": {
            "folder": rounds.source[0].parent.name,
            "members": len(rounds.source),
            "hash": content_hash(rounds.source),
        },
        "test set": {"structures": len(rounds.data.test), "sha256": rounds.test_hash},
        "pool": {"structures": len(rounds.data.pool), "hash": digest(list(rounds.data.pool))},
        "labeler": make_labeler(config.labeler).identity(),
    }
    spent = ledger(place, labels, cells, len(rounds.data.test) if rounds.data.unlabelled_test else 0)
    write_summary(
        place, config, rounds.cells, rounds.baselines, len(places(config)) * len(config.budgets), spent, hashes
    )


def _baseline(row: Row) -> dict[str, Any]:
    if not row.baseline_metrics or row.arm == BASELINE:
        return {f"{BASELINE}_force_mae_meV_per_A": "", "negative_transfer": ""}
    error = round(row.baseline_metrics["all"]["force_mae_meV_per_A"], 2)
    return {
        f"{BASELINE}_force_mae_meV_per_A": error,
        "negative_transfer": "yes" if row.negative_transfer() else "no",
    }


def _publish(results: StudyResults, budget: int) -> None:
    """Show a finished budget in Prefect's UI."""
    rows: list[dict[str, Any]] = [
        {
            "comparison": row.comparison,
            "acquisition": row.acquisition,
            "arm": row.arm,
            "seed": row.seed,
            **{metric: round(value, 2) for metric, value in row.metrics["all"].items()},
            **_baseline(row),
        }
        for row in results.rows
        if row.budget == budget
    ]
    create_table_artifact(rows, key=f"budget-{budget}", description=f"{results.name}: errors with {budget} labels")
    spent = results.ledger
    create_markdown_artifact(
        f"# {results.name} at {budget} labels\n\n{headline(results)}\n\n"
        f"{spent['labels_done']} labels ({spent['label_core_seconds']:.0f} core-seconds), "
        f"{spent['labels_failed']} failed; training {spent['training_core_seconds']:.0f} core-seconds.",
        key=f"summary-{budget}",
    )
