"""A process beside the workers is kept alive whatever happens."""

import subprocess
import sys

# In a process of its own, which runs out of descriptors until the keeper has said so.
_SCRIPT = """
import logging, multiprocessing.popen_spawn_posix, os, resource, sys, time
from pathlib import Path
from entrepot.serving.keeper import Keeper

class Relieving(logging.Handler):
    def emit(self, record):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        print(record.getMessage())

logging.getLogger("entrepot.serving").addHandler(Relieving())
keeper = Keeper("test", Path.touch, Path(sys.argv[1]))
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, hard))
keeper.start()
while not Path(sys.argv[1]).exists():
    time.sleep(0.05)
keeper.stop()
"""


def test_a_process_that_cannot_be_started_now_is_started_later(tmp_path):
    command = [sys.executable, "-c", _SCRIPT, tmp_path / "started"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the process test cannot be started: [Errno 24] Too many open files")
