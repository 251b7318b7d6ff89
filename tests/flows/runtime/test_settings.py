"""A setting that Prefect refuses is named in one line, with its value and what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import write

from al_core.errors import ConfigError
from flows import doctor
from flows.runtime.server import choose_server
from flows.runtime.settings import read_settings

ROOT = Path(__file__).resolve().parents[3]
STARTUP = "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"
FILES = r"correct it in \.env, prefect\.toml, pyproject\.toml or Prefect's profile"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    # set, so that what leave_profile sets is undone after the test
    for name in ("PREFECT_HOME", "PREFECT_PROFILES_PATH", "PREFECT_SERVER_EPHEMERAL_ENABLED", "PREFECT_PROFILE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PREFECT_API_URL", "http://[", r"PREFECT_API_URL is 'http://\[': Invalid IPv6 URL; correct it, or unset it"),
        (STARTUP, "soon", f"{STARTUP} is 'soon': Input should be a valid integer.*; correct it, or unset it"),
        ("PREFECT_LOGGING_LEVEL", "loudly", "PREFECT_LOGGING_LEVEL is 'LOUDLY': Input should be 'DEBUG', .*"),
        (
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE",
            "maybe",
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE is 'maybe': Input should be a valid boolean.*",
        ),
        ("PREFECT_CLIENT_CUSTOM_HEADERS", "{a", "PREFECT_CLIENT_CUSTOM_HEADERS is not valid JSON; correct it, or.*"),
    ],
)
def test_a_variable_that_is_refused_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=f"^{message}$"):
        read_settings()


def test_a_password_in_a_malformed_url_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://me:secret@[")
    with pytest.raises(ConfigError, match=r"PREFECT_API_URL is 'http://\['"):
        choose_server()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (".env", "PREFECT_API_REQUEST_TIMEOUT=soon", f"PREFECT_API_REQUEST_TIMEOUT is 'soon': .*; {FILES}"),
        (
            "prefect.toml",
            '[api]\nrequest_timeout = "soon"',
            f"PREFECT_API_REQUEST_TIMEOUT is 'soon': .*; {FILES}",
        ),
        ("prefect.toml", "[api", r".*prefect\.toml: invalid TOML .*; correct it"),
        (
            "profiles.toml",
            'active = "mine"\n[profiles.mine]\nPREFECT_API_REQUEST_TIMEOUT = "soon"',
            f"PREFECT_API_REQUEST_TIMEOUT is 'soon': .*; {FILES}",
        ),
        ("profiles.toml", "[profiles", r".*/profiles\.toml is not valid TOML: .*; correct or delete it"),
    ],
)
@pytest.mark.filterwarnings("ignore:Failed to load profiles")
def test_a_value_of_a_file_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, content: str, message: str
) -> None:
    (tmp_path / file).write_text(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"^{message}$"):
        read_settings()


def test_a_profile_with_a_wrong_value_does_not_matter_where_no_server_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profile = 'active = "mine"\n[profiles.mine]\nPREFECT_API_REQUEST_TIMEOUT = "soon"'
    (tmp_path / "profiles.toml").write_text(profile)
    assert choose_server() is None


def test_doctor_names_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STARTUP, "soon")
    (check,) = doctor.check_all_of_prefect()
    assert (check.ok, check.hint) == (False, "correct it, or unset it")
    assert check.found.startswith(f"{STARTUP} is 'soon'")


@pytest.mark.parametrize(("variable", "value"), [("PREFECT_API_URL", "http://["), (STARTUP, "soon")])
def test_a_command_prints_one_line(tmp_path: Path, variable: str, value: str) -> None:
    write(tmp_path / "ge.xyz", bulk("Ge", "diamond", a=5.7, cubic=True))
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "label", "ge.xyz", "--labeler", "stillinger_weber", "--out", "out"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", variable: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {variable} is {value!r}: ")
