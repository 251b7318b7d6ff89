"""Run a program, and kill it with all it started when the process that asked for it is gone.

    python -m calculators._parent_guard PARENT PROGRAM ARGUMENT ...

PARENT is the id of the process that asked for it.

It is started as the leader of a process group. A launcher such as mpiexec starts processes that watch nobody.
"""

import subprocess
import sys

from al_core.storage.processes import exit_with_parent

if __name__ == "__main__":
    exit_with_parent(int(sys.argv[1]), with_group=True)
    sys.exit(subprocess.call(sys.argv[2:]))
