"""What grows with the label store: ``python -m benchmarks.store_size``; eight minutes, 10 GB of disk.

Fills stores with finished labels by SQL and times what a label costs: to find it by its key, to find it as ASE does
without an index on keys, to list its failed attempts, and to reserve and complete a new one, equivalent structures
looked for. Then the whole store is listed by level of theory and exported, and the memory that takes beyond what was
taken before is told. The ratio is of ASE's look-up to that by key, in the largest store.
"""

import argparse
import json
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.db import connect

from al_core.labels.exchange import export_labels, levels
from al_core.labels.store import LabelStore
from al_core.types import Label
from benchmarks._common import ratio, table

SIZES = (500, 8_000, 1_000_000)
REPEATS = 20
LEVEL = "0123456789abcdef"


def main() -> None:
    """Fill, and look up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="500 and 8,000 rows only")
    sizes = SIZES[:2] if parser.parse_args().quick else SIZES
    times = {size: _times(size) for size in sizes}
    rows = [(f"{size:,}", *(f"{value:.2f}" for value in of_size.values())) for size, of_size in times.items()]
    table(("labels", *times[sizes[0]]), rows)
    ratio(times[sizes[-1]]["as ASE ms"] / times[sizes[-1]]["look-up ms"])


def _times(size: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        store = _filled(Path(folder) / "labels.db", size)
        key, atoms, before = _key(size // 2), _cell(), _peak_mb()
        atoms.rattle(0.1, seed=1)  # equivalent to none of them
        new = (_key(size + number) for number in range(REPEATS))
        return {
            "look-up ms": _milliseconds(lambda: store.get(key), REPEATS),
            "as ASE ms": _milliseconds(lambda: _as_ase(store, key), 3),
            "attempts ms": _milliseconds(lambda: store.attempts(key), REPEATS),
            "new label ms": _milliseconds(lambda: _compute(store, next(new), atoms), 1),
            "list s": _milliseconds(lambda: levels(store), 1) / 1e3,
            "export s": _milliseconds(lambda: export_labels(store, Path(folder) / "all.extxyz"), 1) / 1e3,
            "memory MB": _peak_mb() - before,
        }


def _peak_mb() -> float:
    """Return the most memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _key(number: int) -> str:
    return f"L{number:016x}-{LEVEL}"


def _cell() -> Atoms:
    atoms: Atoms = bulk("Ge", "diamond", a=5.66, cubic=True)
    return atoms


def _filled(path: Path, size: int) -> LabelStore:
    """Return a store of copies of one finished label, each with a key, a volume and a packing of its own."""
    store = LabelStore(path)
    atoms = _cell()
    _compute(store, _key(0), atoms)
    db = sqlite3.connect(path)
    names = [name for _, name, *_ in db.execute("PRAGMA table_info(systems)")][1:]
    first = dict(zip(names, db.execute(f"SELECT {', '.join(names)} FROM systems").fetchone(), strict=True))  # noqa: S608
    columns = json.loads(first["key_value_pairs"])
    volume, packing = columns["atom_volume"], columns["packing"]
    rng = np.random.default_rng(0)
    indexes = list(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND name LIKE 'graft_%'"))
    for name, _ in indexes:
        db.execute(f"DROP INDEX {name}")
    for number in range(1, size):
        columns["label_key"] = _key(number)
        columns |= {"atom_volume": rng.normal(volume, 1.0), "packing": packing + 1.0 + abs(rng.normal(0.0, 0.2))}
        values = first | {"unique_id": f"{number:032x}", "key_value_pairs": json.dumps(columns)}
        marks = ", ".join("?" * len(names))
        cursor = db.execute(f"INSERT INTO systems ({', '.join(names)}) VALUES ({marks})", tuple(values.values()))  # noqa: S608
        last = cursor.lastrowid
        text = [(name, value, last) for name, value in columns.items() if isinstance(value, str)]
        real = [(name, value, last) for name, value in columns.items() if not isinstance(value, str)]
        db.executemany("INSERT INTO text_key_values VALUES (?, ?, ?)", text)
        db.executemany("INSERT INTO number_key_values VALUES (?, ?, ?)", real)
        db.executemany("INSERT INTO keys VALUES (?, ?)", [(name, last) for name in columns])
        db.execute("INSERT INTO species VALUES (32, 8, ?)", (last,))
    for _, statement in indexes:
        db.execute(statement)
    db.commit()
    db.close()
    return LabelStore(path)


def _compute(store: LabelStore, key: str, atoms: Atoms) -> None:
    assert store.claim(key, atoms, "sw", use_equivalent=True)[0] == "yours"
    store.complete(key, Label(-1.0, np.zeros((len(atoms), 3)), np.zeros(6), 1.0, {"by": "benchmark"}))


def _as_ase(store: LabelStore, key: str) -> None:
    with connect(store.where, use_lock_file=False) as db:
        assert len(list(db.select(label_key=key))) == 1


def _milliseconds(call: Callable[[], object], times: int) -> float:
    begin = time.perf_counter()
    for _ in range(times):
        call()
    return 1e3 * (time.perf_counter() - begin) / times


if __name__ == "__main__":
    main()
