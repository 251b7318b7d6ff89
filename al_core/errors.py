"""The one exception tree of Graft. Every error a user can cause is a :class:`GraftError`."""

import contextlib
import errno
from collections.abc import Iterator

HESITATING = frozenset({errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.ESTALE, errno.ETIMEDOUT})
"""What a busy or remote file system reports for a moment."""


class GraftError(Exception):
    """Base of all errors that are reported to the user in one message, without a traceback.

    Attributes:
        transient: whether the same call may succeed when it is tried again.
        in_run: whether a flow had begun to compute when it was raised.
    """

    transient = False
    in_run = False


class ConfigError(GraftError):
    """A config, a file it names, or the folder results go to is not usable; nothing was computed."""


class BundleError(GraftError):
    """A model bundle is missing, corrupt or does not fit."""


@contextlib.contextmanager
def under(key: str) -> Iterator[None]:
    """Name the key of a config in the errors of what it names: a file, a data set, a committee."""
    try:
        yield
    except (ConfigError, BundleError) as error:
        raise type(error)(f"{key}: {error}") from error


class LabelError(GraftError):
    """A structure could not be labelled.

    Args:
        message: the cause, in one line.
        transient: True if the same calculation may succeed when it is tried again: its process was killed, or out of
            time.
        core_seconds: what the failed attempt cost.
        final: True if no other way of the labeler can help.
    """

    def __init__(
        self, message: str, *, transient: bool = False, core_seconds: float = 0.0, final: bool = False
    ) -> None:
        super().__init__(message)
        self.transient = transient
        self.core_seconds = core_seconds
        self.final = final


class StoreError(GraftError):
    """A label store cannot be read or written, or is of another version.

    Args:
        message: the cause, in one line.
        transient: True if the store may answer when it is asked again: it was locked, or the connection was lost.
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


class WorkerError(GraftError):
    """A worker process ended before its function did: it was killed, or crashed."""

    transient = True


class SiteError(GraftError):
    """Where a study computes cannot be used: it does not answer, or differs from here."""


class TrainingError(GraftError):
    """Training cannot start or diverged."""


class DivergedError(TrainingError):
    """The loss of too many models is not finite. Training again with the same inputs ends in the same way."""


class SelectionError(GraftError):
    """An acquisition cannot choose as many structures as asked."""
