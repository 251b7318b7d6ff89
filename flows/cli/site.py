"""The command ``graft site``."""

from pathlib import Path
from typing import Annotated

import typer


def site_certificates(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write ca.pem and key.pem into.")],
) -> None:
    """Make what encrypts a Dask cluster and says who may join it: whoever has the folder's files."""
    from flows.runtime.certificates import CERTIFICATE, KEY, write_certificates

    write_certificates(out)
    files = f"--tls-ca-file {out / CERTIFICATE} --tls-cert {out / CERTIFICATE} --tls-key {out / KEY}"
    print(f"dask scheduler --protocol tls {files}")
    print(f"dask worker tls://HOST:8786 --no-nanny {files}")
