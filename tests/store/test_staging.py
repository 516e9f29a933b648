"""Staging: the dead are swept, the living are not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from pipeline.store.staging import staging

HOLD = """
import sys, time
from pathlib import Path
from pipeline.store.staging import staging
with staging(Path(sys.argv[1]), "other") as folder:
    (folder / "half").write_text("x")
    print("ready", flush=True)
    time.sleep(60)
"""


def hold(root: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, root], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    return process


def test_what_a_killed_run_left_is_swept_and_what_a_living_run_holds_is_not(tmp_path):
    other = hold(tmp_path)
    try:
        with staging(tmp_path, "mine") as folder:
            assert folder.is_dir()
            assert (tmp_path / "other" / "half").exists()
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    assert (tmp_path / "other").exists()
    with staging(tmp_path, "mine"):
        assert [p.name for p in tmp_path.iterdir()] == ["mine"]
    assert list(tmp_path.iterdir()) == []
