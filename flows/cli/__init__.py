"""The command ``graft``: a file a command. Heavy imports come after the arguments are found good.

To add a command, copy ``export.py`` and add a line to the tables below.
"""

import errno
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Annotated

import typer

from flows.cli import (
    compare,
    convergence,
    convert,
    doctor,
    evaluate,
    export,
    grow,
    init,
    label,
    labels,
    pretrain,
    properties,
    schema,
    site,
    study,
)

Commands = Mapping[str, Callable[..., None]]

_COMMANDS: Commands = {
    "init": init.init,
    "demo": study.demo,
    "grow": grow.grow,
    "pretrain": pretrain.pretrain,
    "label": label.label,
    "convergence": convergence.convergence,
    "eval": evaluate.evaluate,
    "properties": properties.properties,
    "export": export.export,
    "convert": convert.convert,
    "schema": schema.schema,
    "doctor": doctor.doctor,
}
_STUDY: Commands = {
    "run": study.study_run,
    "plan": study.study_plan,
    "transferability": study.study_transferability,
    "status": study.study_status,
    "report": study.study_report,
    "compare": compare.study_compare,
}
_SITE: Commands = {"certificates": site.site_certificates}
_LABELS: Commands = {"list": labels.labels_list, "export": labels.labels_export, "release": labels.labels_release}
# what the user can change, and no fault of the program
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}


def _group(commands: Commands, text: str, completion: bool = False) -> typer.Typer:
    group = typer.Typer(
        help=text, short_help=text, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=completion
    )
    for name, function in commands.items():
        about, *_ = (inspect.getdoc(function) or "").split("\n\n")
        group.command(name, short_help=about.replace("\n", " "))(function)  # docs/commands.md would cut it off
    return group


app = _group(
    _COMMANDS,
    "Grow a machine-learned interatomic potential for an element with almost no data, from that of a similar one.",
    completion=True,
)
app.add_typer(
    _group(_STUDY, "Data-budget studies: every arm, acquisition and seed at every label budget."), name="study"
)
app.add_typer(_group(_LABELS, "What is in a label store, and taking it out."), name="labels")

app.add_typer(_group(_SITE, "Where studies compute: clusters of several machines."), name="site")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(metadata.version("graft-mlip"))
        raise typer.Exit


@app.callback()
def _graft(
    _: Annotated[
        bool, typer.Option("--version", help="Print Graft's version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; what the user can change is one message.

    The exit code is 2 for a config, bundle or label store that cannot be used, and 1 for what failed during a run.
    """
    from al_core.errors import BundleError, ConfigError, GraftError, SiteError, StoreError

    if "_GRAFT_COMPLETE" in os.environ:
        os.environ["COLUMNS"] = "10000"  # typer wraps what it tells a shell, and fish takes each line for a word
    try:
        app()
    except GraftError as error:
        unusable = isinstance(error, ConfigError) or (
            isinstance(error, BundleError | SiteError | StoreError) and not error.in_run
        )
        print(f"{'error' if unusable else 'failed'}: {error}", file=sys.stderr)
        sys.exit(2 if unusable else 1)
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"failed: {where}{error.strerror}; change this and run the same command again", file=sys.stderr)
        sys.exit(1)
    except RuntimeError as error:
        if "Failed to reach API" in str(error):
            print("failed: Prefect's server ended as the command began; run the same command again", file=sys.stderr)
            sys.exit(1)
        if "ephemeral Prefect API server" not in str(error):
            raise
        seconds = os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"]
        print(
            f"failed: Prefect's temporary server did not start in {seconds} s; run the same command again when the "
            "machine is less busy, or set PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS to more",
            file=sys.stderr,
        )
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
