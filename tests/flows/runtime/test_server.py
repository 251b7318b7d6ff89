"""A plain command needs nothing of the user's Prefect; one that names a server is told what is wrong with it."""

import base64
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import version
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
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(params=["2.20.1"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server that reports a version, of Prefect 2 by default, to those who know its password."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization") == f"Basic {base64.b64encode(b'me:secret').decode()}"
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(json.dumps(request.param).encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()


def test_a_server_that_does_not_answer_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", DEAD)
    with pytest.raises(ConfigError, match=rf"{DEAD} does not answer .*prefect server start.*unset"):
        choose_server()


def test_a_server_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("PREFECT_API_URL", server)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "me:secret")
    with pytest.raises(ConfigError, match=r"has version 2\.20\.1, this command has 3\."):
        choose_server()


@pytest.mark.parametrize("server", [version("prefect")], indirect=True)
def test_a_server_with_a_password_is_asked_with_it(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("PREFECT_API_URL", server)
    with pytest.raises(ConfigError, match=r"refuses the request \(401 Unauthorized\); set PREFECT_API_AUTH_STRING or"):
        choose_server()
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "me:secret")
    assert choose_server() == server


def test_a_password_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://me:secret@127.0.0.1:9/api")
    with pytest.raises(ConfigError, match=DEAD) as refused:
        choose_server()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/api"])
def test_what_is_no_url_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PREFECT_API_URL", url)
    with pytest.raises(ConfigError, match="does not answer"):
        choose_server()


def test_prefects_cloud_is_not_asked_for_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "https://api.prefect.cloud/api/accounts/a/workspaces/w")
    assert choose_server() == "https://api.prefect.cloud/api/accounts/a/workspaces/w"


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (".env", f"PREFECT_API_URL={DEAD}"),
        ("prefect.toml", f'[api]\nurl = "{DEAD}"'),
        ("pyproject.toml", f'[tool.prefect.api]\nurl = "{DEAD}"'),
    ],
)
def test_a_server_that_the_folders_files_name_is_asked_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, content: str
) -> None:
    (tmp_path / file).write_text(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"the Prefect server {DEAD} does not answer"):
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
