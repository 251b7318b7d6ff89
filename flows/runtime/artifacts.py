"""The keys of Prefect's artifacts."""

import re
from pathlib import Path

from al_core.storage.hashing import digest


def artifact_key(name: str, out: Path, *parts: str) -> str:
    """Return the key of an artifact. Prefect's keys are of all runs together: the folder tells runs of one name apart.

    Args:
        name: of the study.
        out: its folder.
        parts: what of it the artifact shows.
    """
    words = [re.sub("[^a-z0-9]+", "-", name.lower()).strip("-"), digest(str(out))[:6], *parts]
    return "-".join(words)
