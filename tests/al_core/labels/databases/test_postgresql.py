"""The store on a server: a restart in the middle of a calculation loses nothing and pays for nothing twice."""

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psycopg2
import pytest
from ase import Atoms

from al_core.errors import StoreError
from al_core.labels.databases import postgresql
from al_core.labels.databases.postgresql import PostgreSQL, Session
from al_core.labels.store import LabelStore
from al_core.types import Label
from tests.conftest import PostgresServer

ROOT = Path(__file__).resolve().parents[4]
KEY = "Lkey"
LABEL = Label(-1.5, np.zeros((2, 3)), None, 2.0, {"by": "hand"})


CLAIM = """
import os, signal, sys
from ase.build import bulk
from al_core.labels.databases import postgresql
from al_core.labels.store import LabelStore
postgresql._GRACE_S = float(sys.argv[2])
print(LabelStore(sys.argv[1]).claim("Lkey", bulk("Ge", "diamond", a=5.66), "sw")[0], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _claimed_by_another(url: str, grace: float = 60.0) -> str:
    """Claim the label in another process, which is killed then."""
    command = [sys.executable, "-c", CLAIM, url, str(grace)]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True).stdout.strip()


@pytest.mark.timeout(120)
def test_a_label_that_is_computed_over_a_restart_is_neither_taken_over_nor_lost(
    own_postgres_server: PostgresServer, atoms: Atoms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_LOOK_EVERY_S", 0.2)
    store = LabelStore(own_postgres_server.url)
    store.claim(KEY, atoms, "sw")
    own_postgres_server.stop()
    own_postgres_server.start()
    time.sleep(1.0)  # the session comes back without a word from who computes
    assert _claimed_by_another(own_postgres_server.url, grace=0.0) == "busy"
    store.complete(KEY, LABEL)
    assert (store.get(KEY).state, store.get(KEY).attempts, store.attempts(KEY)) == ("done", 1, [])


@pytest.mark.timeout(120)
def test_after_a_restart_who_computed_gets_time_to_come_back(own_postgres_server: PostgresServer) -> None:
    url = own_postgres_server.url
    assert _claimed_by_another(url) == "yours"
    own_postgres_server.stop()
    own_postgres_server.start()
    assert _claimed_by_another(url, grace=60.0) == "busy"
    assert _claimed_by_another(url, grace=0.0) == "yours"


@pytest.mark.timeout(120)
def test_a_broken_connection_keeps_its_claims(postgres: str, atoms: Atoms, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LabelStore(postgres)
    store.claim(KEY, atoms, "sw")
    with psycopg2.connect(postgres) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    other.close()
    monkeypatch.setattr(postgresql, "_GRACE_S", 0.0)
    assert LabelStore(postgres).claim(KEY, atoms, "sw")[0] == "busy"
    store.complete(KEY, LABEL)
    assert store.get(KEY).state == "done"


def test_who_is_cut_off_comes_back_at_once(postgres: str, atoms: Atoms) -> None:
    """Long before it would have asked the server anything: else another one would compute the label again."""
    store = LabelStore(postgres)
    store.claim(KEY, atoms, "sw")
    with contextlib.closing(psycopg2.connect(postgres)) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    time.sleep(4 * postgresql._LOOK_EVERY_S)
    assert _claimed_by_another(postgres, grace=0.0) == "busy"
    store.complete(KEY, LABEL)


def test_a_server_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="label store postgresql://graft@/postgres") as refused:
        LabelStore(f"postgresql://graft@/postgres?host={tmp_path}")
    assert refused.value.transient, "it may be there when it is asked again"


@pytest.mark.parametrize(
    ("code", "transient"), [("57P01", True), ("08006", True), ("40P01", True), ("53100", False), ("28P01", False)]
)
def test_what_may_pass_on_a_server_is_told_by_its_code(code: str, transient: bool) -> None:
    class ServerError(psycopg2.OperationalError):
        pgcode = code

    with pytest.raises(StoreError) as caught, PostgreSQL("postgresql://graft@/postgres")._reported():
        raise ServerError("refused")
    assert caught.value.transient is transient


def test_the_data_base_itself_refuses_a_label_twice(postgres: str, atoms: Atoms) -> None:
    store = LabelStore(postgres)
    store.claim(KEY, atoms, "sw")
    with (
        pytest.raises(StoreError, match=r"duplicate key value.*graft_label_key") as refused,
        store._database.open() as db,
    ):
        db.write(atoms, label_key=KEY, state="running")
    assert not refused.value.transient


def test_no_look_up_reads_the_whole_store(postgres: str, atoms: Atoms) -> None:
    store = LabelStore(postgres)
    session = Session.of(postgres)
    # it prefers to read all of an empty table
    session.ask("SELECT set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', 'off', false)")
    text, number = store._database.text, store._database.number
    for condition, index in (
        (f"{text('label_key')} = 'x'", "graft_label_key"),
        (f"{text('attempt_of')} = 'x'", "graft_attempt_of"),
        (f"{text('level')} = 'x' AND {number('packing')} BETWEEN 1 AND 2", "graft_equivalent"),
    ):
        plan = "\n".join(line for (line,) in session.ask(f"EXPLAIN SELECT id FROM systems WHERE {condition}"))
        assert index in plan


@pytest.mark.parametrize("psycopg_knows", [True, False])
def test_a_connection_that_is_lost_without_a_code_comes_back(
    postgres: str, monkeypatch: pytest.MonkeyPatch, psycopg_knows: bool
) -> None:
    session = Session.of(postgres)
    session.hold(12345)
    ask, before = session._ask, session._connection

    def lost(statement: str, *values: object) -> list[tuple[object, ...]]:
        monkeypatch.setattr(session, "_ask", ask)
        if psycopg_knows:
            before.close()
        raise psycopg2.DatabaseError("server closed the connection unexpectedly")

    monkeypatch.setattr(session, "_ask", lost)
    assert session.ask("SELECT 1") == [(1,)]
    assert session._connection is not before
    assert before.closed, "its locks are not waited for"
    session.drop(12345)
