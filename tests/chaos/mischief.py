"""What happens to a world, each at a random time."""

import contextlib
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from tests.chaos.world import World
from tests.conftest import PostgresServer


@dataclass
class Mischief:
    """Everything that can go wrong.

    Attributes:
        world: it happens to.
        postgres: its label store.
        disk: with its results.
        chance: decides.
    """

    world: World
    postgres: PostgresServer
    disk: Path
    chance: random.Random

    def all(self) -> dict[str, Callable[[], bool]]:
        """Return {what: does it, and returns whether there was something to do it to}."""
        return {
            "worker killed": self.kill_worker,
            "worker ended as by Slurm": self.end_worker,
            "labeler killed": self.kill_labeler,
            "scheduler killed": self.kill_scheduler,
            "flow killed": self.kill_flow,
            "Prefect server killed": self.kill_server,
            "PostgreSQL restarted": self.restart_postgres,
            "store's connections cut": self.cut_connections,
            "disk full": self.fill_disk,
            "network cut": self.cut_network,
            "machine renamed": self.rename_machine,
            "clock set": self.set_clock,
        }

    def kill_worker(self) -> bool:
        """Kill a worker."""
        self.world.kill(self._worker()[1])
        return True

    def end_worker(self) -> bool:
        """Send SIGTERM to a worker and its processes, and after a moment SIGKILL, as Slurm does at a walltime."""
        _, worker = self._worker()
        group = [worker, *self.world.children(worker)]
        for process in group:
            self.world.kill(process, signal.SIGTERM)
        time.sleep(1)
        for process in group:
            self.world.kill(process)
        return True

    def kill_labeler(self) -> bool:
        """Kill a process in which a worker labels."""
        found = [one for _, worker in self._workers() for one in self.world.children(worker)]
        if found:
            self.world.kill(self.chance.choice(found))
        return bool(found)

    def kill_scheduler(self) -> bool:
        """Kill the scheduler."""
        assert self.world.scheduler
        self.world.kill(self.world.scheduler.pid)
        return True

    def kill_flow(self) -> bool:
        """Kill a command."""
        running = [one.process.pid for one in self.world.commands if one.process and one.process.poll() is None]
        if running:
            self.world.kill(self.chance.choice(running))
        return bool(running)

    def kill_server(self) -> bool:
        """Kill the Prefect server of a command."""
        servers = self.world.processes(lambda command: "uvicorn" in command)
        if servers:
            self.world.kill(self.chance.choice(servers))
        return bool(servers)

    def restart_postgres(self) -> bool:
        """Stop PostgreSQL, in order or at once, and start it again."""
        self.postgres.stop(self.chance.choice([signal.SIGINT, signal.SIGQUIT]))
        time.sleep(self.chance.uniform(0, 2))
        self.postgres.start()
        return True

    def cut_connections(self) -> bool:
        """Cut every connection to the label store."""
        with contextlib.closing(psycopg2.connect(self.postgres.url)) as connection:
            connection.autocommit = True
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            connection.cursor().execute(f"{others} AND usename = 'graft'")
        return True

    def fill_disk(self) -> bool:
        """Leave no room on the disk of the results for a while."""
        ballast = self.disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb") as file:
            while True:
                file.write(bytes(1 << 20))
        time.sleep(self.chance.uniform(0.5, 3))
        ballast.unlink()
        return True

    def cut_network(self) -> bool:
        """Pull the cable of a machine for a while."""
        self.chance.choice(self.world.machines).cut_off(self.chance.uniform(0.5, 5))
        return True

    def rename_machine(self) -> bool:
        """Give a machine another name under its running worker."""
        name, worker = self._worker()
        self.world.machine_of(name).rename(worker, f"renamed-{self.chance.randrange(1000)}")
        return True

    def set_clock(self) -> bool:
        """Set the clock of a machine, up to a day off."""
        self.chance.choice(self.world.machines).set_clock(self.chance.choice([0, -10, -3000, 10800, 86400]))
        return True

    def _workers(self) -> list[tuple[str, int]]:
        return [(name, one.pid) for name, one in self.world.workers.items() if one and one.poll() is None]

    def _worker(self) -> tuple[str, int]:
        return self.chance.choice(self._workers())
