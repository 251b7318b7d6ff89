"""Where a study keeps what."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """The folder of one study. Everything in it is found by content key, so that any of it may be copied or deleted."""

    out: Path

    @property
    def store(self) -> Path:
        """The label store."""
        return self.out / "labels.db"

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
    def test(self) -> Path:
        """The frozen, labelled test set."""
        return self.out / "test.extxyz"

    @property
    def summary(self) -> Path:
        """The study's index: config, provenance, grid and ledger."""
        return self.out / "study.json"

    @property
    def report(self) -> Path:
        """The report."""
        return self.out / "report.html"

    def cell(self, key: str) -> Path:
        """The result of one cell."""
        return self.out / "cells" / f"{key}.json"

    def models(self, key: str) -> Path:
        """The committee of one cell."""
        return self.out / "models" / key

    def choice(self, key: str) -> Path:
        """One choice of an acquisition."""
        return self.out / "choices" / f"{key}.json"
