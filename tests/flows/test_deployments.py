"""The deployments of ``prefect.yaml``: they fit the flows, and a user's commands run one, in the documented order."""

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.runtime.prefect_plugin import WORK_POOL, prefect_command

ROOT = Path(__file__).resolve().parents[2]
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]


def _entrypoint(deployment: dict[str, Any]) -> tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the file and the definition of a deployment's flow, without importing it."""
    file, name = deployment["entrypoint"].split(":")
    tree = ast.parse((ROOT / file).read_text())
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return ROOT / file, next(node for node in found if node.name == name)


def _flow_name(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return the ``name`` in the flow's decorator."""
    keywords = [key for call in function.decorator_list if isinstance(call, ast.Call) for key in call.keywords]
    return next(ast.literal_eval(key.value) for key in keywords if key.arg == "name")


def test_every_flow_and_main_config_has_a_deployment() -> None:
    names = {f"{_flow_name(_entrypoint(deployment)[1])}/{deployment['name']}" for deployment in DEPLOYMENTS}
    assert names == {
        "active-learning/ge",
        "active-learning/smoke",
        "convergence/gpaw",
        "data-budget-study/dissimilar-pair",
        "data-budget-study/mlearn",
        "data-budget-study/quickstart",
        "data-budget-study/replay",
        "data-budget-study/similar-pair",
        "data-budget-study/smoke",
        "evaluate/default",
        "label-structures/default",
        "pretrain/si",
    }


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda item: f"{item['entrypoint']}-{item['name']}")
def test_a_deployment_fits_its_flow(deployment: dict[str, Any]) -> None:
    _, function = _entrypoint(deployment)
    accepted = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
    parameters = deployment.get("parameters", {})
    assert set(parameters) <= accepted
    if "config" in parameters:
        assert (ROOT / parameters["config"]).is_file()
    assert deployment["work_pool"]["name"] == WORK_POOL
    assert ast.get_docstring(function), "Prefect shows it as the deployment's description"


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/venv/bin/python3 /venv/bin/prefect deploy --all", "deploy"),
        ("/venv/bin/python3 -m prefect --no-prompt worker start", "worker"),
        ("prefect", ""),
        ("/venv/bin/python3 -m uvicorn --app-dir /site-packages prefect.server.api.server:create_app", None),
        ("/venv/bin/graft study run configs/smoke.yaml", None),
    ],
)
def test_prefect_command(line: str, command: str | None) -> None:
    assert prefect_command(line.split()) == command


def test_the_plugin_has_the_signature_prefect_calls() -> None:
    from prefect.plugins import HookSpec

    from flows.runtime import prefect_plugin

    expected = list(inspect.signature(HookSpec.setup_environment).parameters.values())[1:]
    got = list(inspect.signature(prefect_plugin.setup_environment).parameters.values())
    assert [(item.name, item.kind) for item in got] == [(item.name, item.kind) for item in expected]


@pytest.mark.prefect
@pytest.mark.slow
def test_a_users_commands_run_a_study(prefect_server: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    # the server's URL is not given: the commands find it, and the work pool is not there before the first one
    deployed = prefect_server.prefect("deploy", "--all", named=False)
    assert deployed.count("successfully created") == len(DEPLOYMENTS)
    with prefect_server.worker(WORK_POOL, named=False) as log:
        watched = prefect_server.prefect(
            *("deployment", "run", "data-budget-study/smoke", "--watch", "-p", f"out={out}"), timeout=600, named=False
        )
        worker_log = log.read_text()
    assert "Flow run finished successfully" in watched, f"{watched}\n{worker_log}"
    runs = _read(prefect_server.url, "flow_runs/filter")
    assert [run["state_type"] for run in runs] == ["COMPLETED"]
    assert runs[0]["parameters"]["out"] == str(out)
    assert (out / "report.html").is_file()


@pytest.mark.prefect
@pytest.mark.slow
def test_deploying_again_updates_the_same_deployments(prefect_server: Any) -> None:
    for _ in range(2):
        prefect_server.prefect("deploy", "--all")
    assert len(_read(prefect_server.url, "deployments/filter")) == len(DEPLOYMENTS)
    pools = _read(prefect_server.url, "work_pools/filter")
    assert [(pool["name"], pool["type"]) for pool in pools] == [(WORK_POOL, "process")]


def _read(url: str, what: str) -> list[dict[str, Any]]:
    import httpx

    answer = httpx.post(f"{url}/{what}", json={}, trust_env=False)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found
