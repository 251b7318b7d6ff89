"""What commands do before a flow starts: check, note what is slow, prepare Prefect; and after: show the report."""

import json
import os
import sys
import time
import webbrowser
from pathlib import Path
from typing import Any


def checked_study(config: Path, out: Path | None, overrides: tuple[str, ...]) -> tuple[Any, Path]:
    """Return the validated config of a study, and its folder.

    Raises:
        ConfigError, BundleError, StoreError: the study cannot run; nothing was computed.
    """
    from al_core.config.reading import load_config
    from al_core.config.study import StudyConfig

    settings = load_config(StudyConfig, config, overrides)
    from flows.preflight import preflight

    folder = (out or Path("runs") / settings.name).resolve()
    preflight(settings, folder)
    from flows.planning import source_architecture

    note_if_slow(source_architecture(settings.source))
    return settings, folder


def changes(set_: list[str] | None, site: Path | None) -> tuple[str, ...]:
    """Return the changes to a config that a command line asks for, as ``key.path=value``.

    Raises:
        ConfigError: the site's file is not one.
    """
    if site is None:
        return tuple(set_ or ())
    from al_core.config.reading import read_yaml

    return (*(set_ or ()), f"site={json.dumps(read_yaml(site, 'site'), default=str)}")


def note_if_slow(architecture: Any) -> None:
    """Tell that an architecture is computed by mace-torch's own modules."""
    if not architecture.regrouped:
        print(
            f"note: max_L={architecture.max_L}, correlation={architecture.correlation}: computed by mace-torch's own "
            "modules, several times slower than max_L up to 1 and correlation up to 3",
            file=sys.stderr,
        )


def run_study(config: Path, out: Path | None, overrides: tuple[str, ...], verbose: bool) -> None:
    """Run a study, or go on with it, and print its summary and where the report is."""
    begin = time.monotonic()
    _, folder = checked_study(config, out, overrides)
    check_free(folder)
    prepare_prefect(verbose)
    from flows import data_budget_study

    report = data_budget_study(str(config), str(folder), list(overrides))
    from flows.status import summary

    print(summary(folder, time.monotonic() - begin))
    print(f"report: {report}")


def show(report: Path, open_: bool) -> None:
    """Print where a report is, and open it in the browser if that is asked for."""
    print(report)
    if open_ and not webbrowser.open(report.resolve().as_uri()):
        print("note: no browser was found; open the file yourself", file=sys.stderr)


def check_free(folder: Path) -> None:
    """Refuse a folder that another command writes into, before Prefect starts, which takes seconds.

    Raises:
        ConfigError: one does.
    """
    from al_core.storage.locks import folder_lock

    with folder_lock(folder, "a command that starts"):
        pass


def prepare_prefect(verbose: bool) -> None:
    """Leave the terminal to the progress bars unless the log is asked for, choose the server, and stop at a signal.

    Raises:
        ConfigError: the server that ``PREFECT_API_URL`` names cannot be used.
    """
    level = "INFO" if verbose else "CRITICAL"
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", level)
    os.environ.setdefault("PREFECT_LOGGING_INTERNAL_LEVEL", level)  # of its events, each in full
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", level)  # the temporary server logs how it was stopped
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")  # it reports what a stop left open
    from flows import set_prefect_defaults
    from flows.runtime.server import choose_server

    set_prefect_defaults()
    choose_server()
    from flows.runtime.progress import Counters

    Counters.stop_at_once = True
