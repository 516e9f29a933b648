"""Training under kill -9, and on two processes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pipeline.learn.train import STATE
from tests.learn import made

pytestmark = pytest.mark.system

CALL = """\
import sys
from pathlib import Path

import torch

from pipeline import recipe
from pipeline.learn.train import train

if __name__ == "__main__":
    file, out, to, processes = sys.argv[1:]
    torch.set_num_threads(1)
    train(recipe.load(file), Path(out), Path(to), processes=int(processes), device="cpu", advance=lambda *_: None)
"""


@pytest.fixture(scope="module")
def balls(tmp_path_factory: pytest.TempPathFactory, vault_folder: Path) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("balls")
    out, file = made.out(folder)
    file.write_text(file.read_text().replace("steps: 6\n", "steps: 40\n").replace("every: 2\n", "every: 5\n"))
    (folder / "call.py").write_text(CALL)
    return out, file


def started(balls: tuple[Path, Path], to: Path, processes: int = 1) -> subprocess.Popen[bytes]:
    out, file = balls
    given = [sys.executable, file.parent / "call.py", file, out, to, str(processes)]
    return subprocess.Popen(given, env={**os.environ, "PYTHONPATH": os.getcwd()}, start_new_session=True)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "balls" / "weights.safetensors")


def stamp(path: Path) -> int:
    """When a file was put in place; 0 before it is there."""
    return path.stat().st_mtime_ns if path.exists() else 0


def test_killed_again_and_again_it_ends_with_the_same_weights(balls, tmp_path):
    assert started(balls, tmp_path / "undisturbed").wait(120) == 0
    rng, state = random.Random(7), tmp_path / "killed" / "balls" / STATE
    for _ in range(3):
        before, process = stamp(state), started(balls, tmp_path / "killed")
        while process.poll() is None and stamp(state) == before:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.1))
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL  # in the middle of it, not after its end
    assert started(balls, tmp_path / "killed").wait(120) == 0
    undisturbed, killed = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "balls").iterdir()}
        for name in ("undisturbed", "killed")
    )
    assert undisturbed == killed


def test_two_processes_make_the_weights_of_one(balls, tmp_path):
    """To the rounding of float32, which grows from step to step."""
    began = time.monotonic()
    for processes in (1, 2):
        assert started(balls, tmp_path / str(processes), processes).wait(200) == 0
    assert time.monotonic() - began < 400
    one, two = weights(tmp_path / "1"), weights(tmp_path / "2")
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-3, atol=1e-4)
