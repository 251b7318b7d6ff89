"""Worker processes: they end when the one they work for ends, and keep the memory they have freed."""

import ctypes
import os
import signal
import threading
import time

_POLL_SECONDS = 1.0
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # of malloc.h
_NEVER = 2**31 - 1


def exit_with_parent(parent: int, *, with_group: bool = False) -> None:
    """End this process soon after its parent is gone, however the parent ended, if asked to with its process group.

    A thread watches the parent's process id. (Linux can send a signal instead, but it does so already when the parent's
    *thread* ends, which is wrong for thread pools.)

    Args:
        parent: the parent's process id, given by the parent itself: one that was killed while this process started has
            been replaced by another by now.
        with_group: end the process group, of which this process is the leader.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_POLL_SECONDS)
        if with_group:
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="exit-with-parent").start()


def keep_freed_memory() -> None:
    """Let this process keep memory it has freed for its next arrays, instead of giving it back to the system.

    Training allocates and frees the same megabytes thousands of times a second; glibc maps and unmaps each of them,
    which costs a quarter of the time. Where there is no glibc nothing is done.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    for parameter, value in ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _NEVER), (_M_TOP_PAD, 64 << 20)):
        mallopt(parameter, value)
