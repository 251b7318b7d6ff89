"""Prefect's temporary server: started again where it is killed, and where it is killed as it starts."""

import os
import signal

import httpx
import pytest
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS, temporary_settings

from flows.runtime.own_server import kept_alive
from tests.flows.runtime.waiting import wait_for


def _answers(server: SubprocessASGIServer) -> bool:
    try:
        return httpx.get(f"{server.api_url}/health").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.slow
def test_a_server_that_is_killed_twice_comes_back() -> None:
    server = SubprocessASGIServer()
    server.start()
    killed = []
    try:
        with temporary_settings({PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: 2}), kept_alive():
            for _ in range(2):  # the second time as it starts
                killed.append(server.server_process.pid)
                os.kill(killed[-1], signal.SIGKILL)
                wait_for(lambda: server.server_process.pid not in killed, 60)
            wait_for(lambda: _answers(server), 120)
    finally:
        server.stop()
