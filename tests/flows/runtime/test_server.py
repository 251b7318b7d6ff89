"""A plain command needs nothing of the user's Prefect; one that names a server is told what is wrong with it."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import write

from al_core.errors import ConfigError
from flows.runtime.server import choose_server

ROOT = Path(__file__).resolve().parents[3]
DEAD = "http://127.0.0.1:9/api"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    # set, so that what choose_server sets is undone after the test
    for name in ("PREFECT_HOME", "PREFECT_PROFILES_PATH", "PREFECT_SERVER_EPHEMERAL_ENABLED", "PREFECT_PROFILE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def old_server() -> Iterator[str]:
    """A server that says it is Prefect 2."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps("2.20.1").encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()


def test_a_server_that_does_not_answer_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", DEAD)
    with pytest.raises(ConfigError, match=rf"PREFECT_API_URL={DEAD} does not answer .*prefect server start.*unset"):
        choose_server()


def test_a_server_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch, old_server: str) -> None:
    monkeypatch.setenv("PREFECT_API_URL", old_server)
    with pytest.raises(ConfigError, match=r"has version 2\.20\.1, this command has 3\."):
        choose_server()


def test_a_home_that_can_be_written_is_taken_without_its_profiles(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PREFECT_PROFILE", "cloud")
    monkeypatch.setenv("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "false")
    choose_server()
    assert os.environ["PREFECT_HOME"] == str(tmp_path / "home")
    assert not Path(os.environ["PREFECT_PROFILES_PATH"]).exists()
    assert "PREFECT_PROFILE" not in os.environ
    assert "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE" not in os.environ
    assert os.environ["PREFECT_SERVER_EPHEMERAL_ENABLED"] == "true"


def test_a_home_that_cannot_be_written_is_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "file" / "home"))
    choose_server()
    assert os.environ["PREFECT_HOME"] == str(tmp_path / "cache" / "graft" / "prefect")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    choose_server()
    assert Path(os.environ["PREFECT_HOME"]).is_dir(), "a temporary one"


@pytest.mark.slow
def test_a_command_runs_whatever_the_users_profile_says(tmp_path: Path) -> None:
    """The profile names a dead server and switches the temporary one off."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "profiles.toml").write_text(
        'active = "broken"\n'
        "[profiles.broken]\n"
        f'PREFECT_API_URL = "{DEAD}"\n'
        'PREFECT_SERVER_ALLOW_EPHEMERAL_MODE = "false"\n'
    )
    write(tmp_path / "ge.xyz", bulk("Ge", "diamond", a=5.7, cubic=True))
    env = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "label", "ge.xyz", "--labeler", "stillinger_weber", "--out", "out"],
        cwd=tmp_path,
        env={**env, "PREFECT_HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "labelled.extxyz").exists()
