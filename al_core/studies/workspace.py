"""Where a study keeps what."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from al_core.storage.files import write_text
from al_core.storage.locks import folder_lock


@dataclass(frozen=True)
class Workspace:
    """The folder of one study. Everything in it is found by content key, so that any of it may be copied or deleted."""

    out: Path

    @property
    def store(self) -> Path | str:
        """The label store: a file in this folder, or the URL that :meth:`use_store` was given."""
        return self._store_url.read_text() if self._store_url.exists() else self.out / "labels.db"

    @property
    def zero_shot_store(self) -> Path | str:
        """What potentials that are measured as they are predict, apart from the study's labels; a server has both."""
        return self._store_url.read_text() if self._store_url.exists() else self.out / "zero_shot.db"

    @property
    def has_store(self) -> bool:
        """Whether there is a label store to look into."""
        return self._store_url.exists() or Path(self.store).exists()

    def use_store(self, url: str | None) -> None:
        """Keep the labels on a server, or in the folder. Every process that works here reads it."""
        if url:
            write_text(self._store_url, url)
        else:
            self._store_url.unlink(missing_ok=True)

    @property
    def _store_url(self) -> Path:
        return self.out / "labels.url"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let no other study run in this folder meanwhile: it would train and sample what this one does.

        Raises:
            ConfigError: another command writes into it; see :func:`al_core.storage.locks.folder_lock`.
        """
        with folder_lock(self.out, "a study"):
            yield

    @property
    def label_files(self) -> Path:
        """What the labeler left: a folder a label."""
        return self.out / "labels"

    @property
    def source(self) -> Path:
        """Source committees the study trained itself, a folder each."""
        return self.out / "source"

    @property
    def pool(self) -> Path:
        """The candidates."""
        return self.out / "pool.extxyz"

    @property
    def pool_labels(self) -> Path:
        """The candidates with their labels, see :mod:`al_core.studies.pool_labels`; only where an oracle asks."""
        return self.out / "pool_labels.extxyz"

    @property
    def test(self) -> Path:
        """The frozen, labelled test set."""
        return self.out / "test.extxyz"

    @property
    def index(self) -> Path:
        """The study's index: config, provenance, grid and ledger."""
        return self.out / "study.json"

    @property
    def requests(self) -> Path:
        """What the study asked labels of, see :mod:`al_core.studies.ledger`."""
        return self.out / "ledger.json"

    @property
    def pool_map(self) -> Path:
        """The map of pool and test set, see :mod:`al_core.studies.pool_map`."""
        return self.out / "pool_map.json"

    @property
    def transferability(self) -> Path:
        """What was expected of the arms before the first label, see :mod:`al_core.studies.expectations`."""
        return self.out / "transferability.json"

    @property
    def report(self) -> Path:
        """The report."""
        return self.out / "report.html"

    def models(self, key: str) -> Path:
        """The committee of a model key, with the record of its training."""
        return self.out / "models" / key

    def evaluation(self, key: str) -> Path:
        """The record of one evaluation."""
        return self.out / "evaluations" / f"{key}.json"

    def evaluation_arrays(self, key: str) -> Path:
        """What an evaluation keeps beside its record; there is none of earlier versions."""
        return self.out / "evaluations" / f"{key}.npz"

    def reference(self, key: str) -> Path:
        """What the properties of one evaluation are measured against."""
        return self.out / "references" / f"{key}.json"

    def earlier_cell(self, key: str) -> Path:
        """The errors of one cell, as versions before this one wrote them."""
        return self.out / "cells" / f"{key}.json"

    def selection(self, key: str) -> Path:
        """The record of one selection."""
        return self.out / "selections" / f"{key}.json"

    def calibration(self, key: str) -> Path:
        """The record of one calibration."""
        return self.out / "calibrations" / f"{key}.json"

    def exploration(self, key: str) -> Path:
        """The record of one exploration; the frames that were kept are beside it."""
        return self.out / "explorations" / f"{key}.json"

    def frames(self, key: str) -> Path:
        """What walkers came by in one exploration, or in all of a round."""
        return self.out / "explorations" / f"{key}.extxyz"

    def features(self, name: str) -> Path:
        """Where structures lie to a model, see :mod:`al_core.studies.features`."""
        return self.out / "features" / f"{name}.npz"

    @property
    def model(self) -> Path:
        """The committee that a growth ends with."""
        return self.out / "model"

    @property
    def growth(self) -> Path:
        """The index of a growth: config, rounds, and why it ended."""
        return self.out / "growth.json"
