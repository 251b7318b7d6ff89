"""Who waits for cores gets them in turn, whether one or several."""

import threading
import time

from flows.runtime.workers import Cores


def test_a_large_label_is_not_overtaken_by_small_ones() -> None:
    cores, order = Cores(), []
    cores.limit(2)
    started = threading.Event()

    def work(name: str, wanted: int) -> None:
        with cores.hold(wanted):
            order.append(name)
            started.set()
            time.sleep(0.05)

    threads = []
    for name, wanted in (("small", 1), ("large", 2), ("small too", 1), ("small as well", 1)):
        threads.append(threading.Thread(target=work, args=(name, wanted)))
        threads[-1].start()
        started.wait()
        time.sleep(0.01)
    for thread in threads:
        thread.join(10)
    assert order == ["small", "large", "small too", "small as well"]


def test_no_more_cores_are_asked_for_than_there_are() -> None:
    cores = Cores()
    cores.limit(2)
    with cores.hold(64):
        pass
