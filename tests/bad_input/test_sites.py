"""Sites that cannot be used are refused before anything is computed."""

from pathlib import Path

import pytest

from al_core.config.reading import load_config, read_yaml
from al_core.config.study import StudyConfig
from al_core.errors import ConfigError, SiteError
from flows.planning import checked_site
from flows.preflight import check_site
from flows.runtime.certificates import security_of, write_certificates
from tests.bad_input.inputs import Refused

ROOT = Path(__file__).resolve().parents[2]
JOBS = '{cores: 2, memory: 4GB, walltime: "01:00:00"}'


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        ("somewhere", "site: unknown kind 'somewhere' (known: dask, inline, local, lsf, pbs, sge, slurm)"),
        ("{kind: dask}", "site.address: is required"),
        (
            "{kind: dask, address: 'host:8786'}",
            "site.address: expected tls://host:port, or ",
        ),
        ("{kind: dask, address: 'tcp://host:8786'}", "site: address: whoever reaches tcp://host:8786 can run programs"),
        ("{kind: dask, address: 'tls://host:8786'}", "site: address: tls://host:8786 needs certificates"),
        (
            "{kind: dask, address: 'tcp://host:8786', certificates: here}",
            "site: address: tcp://host:8786 is not encrypted; with certificates it begins with tls://",
        ),
        ("{kind: slurm}", "site.dft: is required"),
        (
            "{kind: slurm, dft: {cores: 2, memory: much, walltime: '1:00:00'}}",
            "site.dft.memory: expected a number and KB",
        ),
        (
            "{kind: slurm, dft: {cores: 2, memory: 4GB, walltime: 4h}}",
            "site.dft.walltime: expected HH:MM:SS",
        ),
        ("{kind: slurm, dft: {cores: 2, memory: 4GB, walltime: '1:99:00'}}", "site.dft.walltime: expected HH:MM:SS"),
        ("{kind: slurm, dft: {cores: 2, memory: 4GB, walltime: '00:00:00'}}", "walltime: a job needs some time"),
        (
            "{kind: slurm, dft: {cores: 2, memory: 0GB, walltime: '1:00:00'}}",
            "site.dft.memory: expected a number and KB",
        ),
        (
            "{kind: slurm, dft: " + JOBS[:-1] + ", jobs: [5, 2]}}",
            "site.dft: jobs: the fewest, 5, are more than the most",
        ),
        (
            "{kind: slurm, dft: " + JOBS + "}",
            "store: with a site of kind slurm workers of other machines write labels, which an SQLite",
        ),
    ],
)
def test_a_site_is_refused_with_what_is_wrong(refused_study: Refused, site: str, expected: str) -> None:
    assert expected in refused_study(f"site={site}")


def test_a_cluster_of_this_machine_may_write_an_sqlite_file() -> None:
    check_site(checked_site({"kind": "dask", "address": "tcp://127.0.0.1:8786"}), None)
    check_site(checked_site(None), None)


def test_certificates_that_are_not_there_or_would_be_lost(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"ca.pem is missing; `graft site certificates \S+` makes it"):
        security_of(tmp_path)
    write_certificates(tmp_path)
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0
    with pytest.raises(SiteError, match="is there, and who has it would be locked out"):
        write_certificates(tmp_path)


def test_a_file_that_is_no_site_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"site \S+nothing.yaml: no such file"):
        read_yaml(tmp_path / "nothing.yaml", "site")


@pytest.mark.parametrize("file", sorted((ROOT / "configs" / "sites").glob("*.yaml")), ids=lambda file: file.stem)
def test_shipped_sites_are_valid(file: Path) -> None:
    assert checked_site(read_yaml(file, "site")).kind == file.stem


def test_a_site_without_a_kind_is_this_machine() -> None:
    config = load_config(StudyConfig, ROOT / "configs" / "smoke.yaml", ("site.workers=3",))
    assert (config.site.kind, config.site.workers) == ("local", 3)


def test_a_walltime_without_quotes_is_what_was_written() -> None:
    site = checked_site({"kind": "slurm", "dft": {"cores": 2, "memory": "4GB", "walltime": 14400}})
    assert site.kind == "slurm"
    assert site.dft.walltime == "04:00:00"
