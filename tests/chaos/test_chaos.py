"""A thousand labels and a small study on workers of two machines, while all that can go wrong does."""

import os
import random
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ase.io import write

from al_core.labels.store import LabelStore
from al_core.models.bundle import load_bundle
from al_core.studies.results import load_results
from tests.chaos.machines import HOST, NETWORK, machines, small_disk, why_not
from tests.chaos.mischief import Mischief
from tests.chaos.world import Command, World
from tests.conftest import running_postgres
from tests.flows.runtime.waiting import wait_for
from tests.flows.study.smoke import SMOKE

MINUTES = float(os.environ.get("GRAFT_CHAOS_MINUTES", "1"))
LABELS, SECONDS_A_LABEL, CELLS = 1000 if MINUTES > 1 else 300, 0.1, 36
PATIENCE_S = 900  # after the last mischief


@pytest.mark.slow
@pytest.mark.timeout(60 * MINUTES + PATIENCE_S + 300)
def test_no_label_is_lost_or_paid_twice_whatever_happens(tmp_path: Path, crystals: Any) -> None:
    if reason := why_not():
        pytest.skip(reason)
    seed = int(os.environ.get("GRAFT_CHAOS_SEED", "0"))
    happened: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    begin = time.monotonic()
    with (
        machines(tmp_path, ("graft-left", "graft-right")) as two,
        running_postgres(HOST, NETWORK) as postgres,
        small_disk(tmp_path / "disk", 400) as disk,
    ):
        world = World(tmp_path, two, each=2, seconds=SECONDS_A_LABEL)
        mischief = Mischief(world, postgres, disk, random.Random(seed))
        rounds = 0
        try:
            while rounds == 0 or time.monotonic() < begin + 60 * MINUTES:
                world.commands = _commands(world, disk, postgres.url, crystals("Ge", LABELS, seed=100 + rounds), rounds)
                _until_done(world, mischief, begin + 60 * MINUTES, happened)
                ends += sum((command.ends for command in world.commands), Counter())
                rounds += 1
                _check(world, disk, postgres.url, rounds)
                for before in [*disk.glob(f"labels-{rounds - 2}"), *disk.glob(f"study-{rounds - 2}")]:
                    shutil.rmtree(before)
            seen = len(world.log.read_text())
            for command in world.commands:
                command.done, command.process = False, None
            _until_done(world, None, 0, happened)
            again = Counter(line.split()[0] for line in world.log.read_text()[seen:].splitlines())
            assert not again["began"], "the same command again computes nothing"
        finally:
            world.end()
        wait_for(lambda: not world.processes(lambda _: True), 30)
        print(_summary(world, postgres.url, happened, ends, rounds, time.monotonic() - begin))


def _commands(world: World, disk: Path, url: str, batch: list[Any], number: int) -> list[Command]:
    """Return what is to be done in a round."""
    structures = world.folder / f"batch-{number}.extxyz"
    write(structures, batch)
    there = ("--site", str(world.site))
    label = ("label", str(structures), "--labeler", "stillinger_weber", "--store", url, *there)
    study = ("study", "run", str(SMOKE), "--set", f"store={url}", *there)
    study += ("--set", f"pool.seed={1000 + number}", "--set", f"test.seed={2000 + number}")
    return [
        Command("label", [*label, "--out", str(disk / f"labels-{number}")]),
        Command("study", [*study, "--out", str(disk / f"study-{number}")]),
    ]


def _until_done(world: World, mischief: Mischief | None, quiet: float, happened: Counter[str]) -> None:
    """Let the commands run to their end; each mischief happens once, and then any of them until it is quiet."""
    patience = max(quiet, time.monotonic()) + PATIENCE_S
    soon, to_come = 0.0, list(mischief.all()) if mischief else []
    while True:
        world.tend()
        if all(command.done for command in world.commands):
            return
        assert time.monotonic() < patience, [(one.name, world.said(one)) for one in world.commands]
        if soon == 0 and "finished" in world.log.read_text():
            soon = time.monotonic() + 5
        if mischief and time.monotonic() > soon > 0 and (time.monotonic() < quiet or to_come):
            what = mischief.chance.choice(to_come or list(mischief.all()))
            to_come = [one for one in to_come if one != what]
            happened[what] += mischief.all()[what]()
            world.note(what)
            soon = time.monotonic() + mischief.chance.uniform(4, 10)
        time.sleep(0.1)


def _check(world: World, disk: Path, url: str, rounds: int) -> None:
    """Fail if a label was lost, is there twice or was computed again, or if a model or result is not whole."""
    entries = LabelStore(url).entries()
    assert {entry.state for entry in entries} == {"done"}
    assert len({entry.key for entry in entries}) == len(entries) >= rounds * LABELS
    finished: Counter[str] = Counter()
    for line in world.log.read_text().splitlines():
        what, _, name = line.partition(" ")
        assert not (what == "began" and finished[name]), f"{name} was computed again"
        finished[name] += what == "finished"
    folder = disk / f"study-{rounds - 1}"
    assert len(load_results(folder).rows) == CELLS
    bundles = list((folder / "models").glob("*/member-*"))
    assert len(bundles) >= 2 * CELLS / 2
    for bundle in bundles:
        load_bundle(bundle)


def _summary(world: World, url: str, happened: Counter[str], ends: Counter[str], rounds: int, seconds: float) -> str:
    store = LabelStore(url)
    causes = Counter(one.cause for entry in store.entries() for one in store.attempts(entry.key))
    begun = Counter("label" if line.startswith("began L") else line[:5] for line in world.log.read_text().splitlines())
    done = f"{store.count()} labels, begun {begun['label']} times; committees begun {begun['began']} times"
    lines = [f"{rounds} rounds in {seconds:.0f} s: {done}"]
    for title, counts in (("happened", happened), ("commands ended", ends), ("attempts that failed", causes)):
        lines += [f"{title}:", *(f"  {number:4d} {what}" for what, number in counts.most_common())]
    return "\n".join(lines)
