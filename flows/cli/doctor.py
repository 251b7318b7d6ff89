"""The command ``graft doctor``."""

import typer


def doctor() -> None:
    """Check compiler, GPAW, threads, data sets, Prefect and versions, and say how to mend what is wrong."""
    from flows import set_prefect_defaults
    from flows.doctor import print_checks, run_checks

    set_prefect_defaults()  # what `graft` runs with is what is checked
    checks = run_checks()
    print_checks(checks)
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)
