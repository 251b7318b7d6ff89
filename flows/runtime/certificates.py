"""Who may join a Dask cluster: whoever has the key that :func:`write_certificates` made."""

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING

from al_core.errors import SiteError

if TYPE_CHECKING:
    from distributed.security import Security

CERTIFICATE, KEY = "ca.pem", "key.pem"
_DAYS = 365
_ROLES = ("client", "scheduler", "worker")


def write_certificates(folder: Path) -> None:
    """Write a certificate, which vouches for itself, and its key; only the user can read the key.

    Raises:
        SiteError: one of the files is there.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    for file in (folder / CERTIFICATE, folder / KEY):
        if file.exists():
            message = f"{file} is there, and who has it would be locked out; delete it or choose another folder"
            raise SiteError(message)
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "graft")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))  # clocks of other machines are behind
        .not_valid_after(now + dt.timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    with open(os.open(folder / KEY, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as private:
        private.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / CERTIFICATE).write_bytes(certificate.public_bytes(Encoding.PEM))


def security_of(folder: Path) -> "Security":
    """Return what all parts of a cluster with these certificates connect by.

    Raises:
        SiteError: the folder has no certificates.
    """
    from distributed.security import Security

    certificate, key = folder / CERTIFICATE, folder / KEY
    for file in (certificate, key):
        if not file.is_file():
            raise SiteError(f"certificates: {file} is missing; `graft site certificates {folder}` makes it")
    own = {f"tls_{role}_{name}": str(file) for role in _ROLES for name, file in (("cert", certificate), ("key", key))}
    return Security(require_encryption=True, tls_ca_file=str(certificate), **own)
