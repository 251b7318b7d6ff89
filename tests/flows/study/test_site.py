"""A study on the workers of a Dask cluster: the same results as on this machine."""

import json
from pathlib import Path

import pytest

from al_core.studies.results import load_results
from tests.flows.runtime.clusters import scheduler
from tests.flows.study.smoke import GRAFT, SMOKE, Shell
from tests.flows.test_resume import SMALL

CHANGES = [f"--set={key}={value}" for key, value in SMALL.items() if key != "site.workers"]


def _errors(out: Path) -> dict[tuple[str, int, int], float]:
    rows = load_results(out).rows
    return {(row.arm, row.seed, row.budget): row.metrics["all"]["force_mae_meV_per_A"] for row in rows}


@pytest.mark.slow
def test_a_study_has_the_same_results_on_two_workers_of_a_cluster(shell: Shell, tmp_path: Path, postgres: str) -> None:
    cluster_folder = tmp_path / "cluster"
    cluster_folder.mkdir()
    with scheduler(cluster_folder) as cluster:
        for name in ("one", "two"):
            cluster.worker(name)
        site = tmp_path / "site.yaml"
        site.write_text(json.dumps(cluster.site.model_dump(mode="json")))
        shell.run(GRAFT, "study", "run", SMOKE, "--out", "there", "--site", site, f"--set=store={postgres}", *CHANGES)
    shell.run(GRAFT, "study", "run", SMOKE, "--out", "here", *CHANGES)
    there, here = (_errors(shell.folder / name) for name in ("there", "here"))
    assert there == pytest.approx(here, rel=1e-6)
    assert len(here) == 4
    assert not (shell.folder / "there" / "activity").exists()
    assert not list((shell.folder / "there").rglob("labels.db")), "the source's labels are in the study's store, too"
