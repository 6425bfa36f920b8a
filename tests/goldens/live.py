"""Runs every case on TensorFlow now, with fresh numbers, and compares ours with it.

From the folder `tests`: `python -m goldens.live --tensorflow PYTHON`, where PYTHON is that of an
environment as README.md describes; more arguments go to pytest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time


def main() -> None:
    """Records into a folder that is thrown away, then replays from there."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tensorflow", required=True, help="the python that has TensorFlow")
    options.add_argument("--seed", default=str(time.time_ns()), help="of the numbers; default: new")
    options.add_argument("--only", default="", help="leave out cases whose names lack this")
    arguments, rest = options.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"GOLDENS": folder, "GOLDENS_SEED": arguments.seed}
        recording = ["-m", "goldens.record", "--slim-commit", "live", f"--only={arguments.only}"]
        subprocess.run([arguments.tensorflow, *recording], env=environment, check=True)
        environment.pop("PYTHONPATH", None)  # the real tf_slim's
        replay = [sys.executable, "-m", "pytest", "test_goldens.py", *rest]
        print(f"seed {arguments.seed}", flush=True)
        sys.exit(subprocess.run(replay, env=environment).returncode)


if __name__ == "__main__":
    main()
