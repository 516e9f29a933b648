"""Compiled kernels stay inside their arrays: their tests once more, with every index checked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]  # all is compiled anew

ROOT = Path(__file__).parents[2]
CHECKED = ["tests/kernels", "tests/stages", "tests/tally", "tests/test_plan.py", "tests/report/test_measure.py"]


def test_no_kernel_looks_or_writes_beyond_its_arrays(tmp_path):
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'tests'}"]
    done = subprocess.run([*command, *CHECKED], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
