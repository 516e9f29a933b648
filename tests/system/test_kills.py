"""Laws L1 to L4 under SIGKILL: the same command again ends with the bytes of a clean run."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.engine.workspace import Workspace, account
from pipeline.store import omezarr
from pipeline.store.commit import content
from tests.engine.jobs import BODY, archive, published, run

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """An archive, a vault, and the bytes of a run that nobody disturbed."""
    root = tmp_path_factory.mktemp("kills")
    source = archive(root / "archive")
    held = Workspace.open(root / "clean", root / "vault", [source])
    held.scan([source])
    run(held)
    return root, source, published(held.output.root)


def whole(out: Path) -> None:
    """L3: whatever stands in the ledger is there, and is what was recorded."""
    for record in Workspace.open(out, out.parent / "vault").ledger.records():
        if record["type"] != "refused":
            assert content(out / record["path"]).sha256 == record["sha256"]


def test_a_death_before_any_call_that_touches_the_disk_loses_and_doubles_nothing(clean):
    root, source, bytes_of_a_clean_run = clean
    out = root / "dying"
    # Deaths ever later, each going on from what the one before left; then one that may end.
    countdowns = [*range(1, 12), *range(12, 120, 9), *[25] * 12, 100_000]
    command = [sys.executable, "-m", "tests.system.dying", out, root / "vault", source, *map(str, countdowns)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    ends = done.stdout.split("\n")[: len(countdowns)]
    assert ends[-1] == "ended 0"
    assert ends.count("died") >= 25
    whole(out)
    assert published(out) == bytes_of_a_clean_run
    assert not list((out / ".staging").iterdir())


def test_killing_the_whole_group_at_random_moments_changes_nothing(clean):
    root, source, bytes_of_a_clean_run = clean
    out, recipe = root / "random", root / "body.yaml"
    recipe.write_text(BODY)
    script = Path(sys.executable).with_name("scanmill")
    command = [script, "run", recipe, "-o", out, source, "--vault", root / "vault", "--workers", "2", "--no-progress"]
    chance, kills, code = random.Random(5), 0, None
    for attempt in range(12):
        process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            _, errors = process.communicate(timeout=chance.uniform(1.0, 12.0) if attempt < 8 else 240)
            code = process.returncode
            assert code == 3, errors.decode()
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            kills += 1
        if out.exists() and (out / "vault.hmac").exists():
            whole(out)
        if code == 3 and kills >= 4:
            break
    assert code == 3
    assert kills >= 1
    assert published(out) == bytes_of_a_clean_run
    assert account(Workspace.open(out, root / "vault").output).converted == 20


def test_an_interrupt_says_how_to_go_on(clean):
    root, source, _ = clean
    script = Path(sys.executable).with_name("scanmill")
    command = [script, "run", "raw", "-o", root / "int", source, "--vault", root / "vault", "--workers", "1"]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(2.5)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"the same command goes on" in errors


def test_a_full_disk_leaves_what_was_committed_and_a_larger_one_ends_the_job(clean, tmp_path):
    root, source, bytes_of_a_clean_run = clean
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        script = Path(sys.executable).with_name("scanmill")
        recipe = tmp_path / "body.yaml"
        recipe.write_text(BODY)
        command = [script, "run", recipe, "-o", disk / "out", source, "--vault", root / "vault", "--workers", "0"]
        codes = []
        for size in ("100k", "260k", "420k", "64m"):
            subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)
            done = subprocess.run(command, capture_output=True, text=True)
            codes.append(done.returncode)
            if done.returncode == 4:
                assert done.stderr.count("\n") == 1
                assert "full" in done.stderr
            for path in (disk / "out" / "raw").rglob("*.zarr"):
                omezarr.read(path)
        assert codes[-1] == 3
        assert codes.count(4) >= 1
        assert published(disk / "out") == bytes_of_a_clean_run
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_read_only_disk_is_said_in_one_sentence(clean, tmp_path):
    root, source, _ = clean
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("this user may not mount a disk")
    try:
        script = Path(sys.executable).with_name("scanmill")
        command = [script, "run", "raw", "-o", disk / "out", source, "--vault", root / "vault", "--workers", "0"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 4
        assert done.stderr == "scanmill: OUT is read-only: make it writable and run the same command again\n"
        subprocess.run(["mount", "-o", "remount,rw,size=64m", disk], check=True)
        assert subprocess.run(command, capture_output=True).returncode == 3
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        again = subprocess.run(command, capture_output=True, text=True)
        assert (again.returncode, again.stderr) == (3, "")
        assert "nothing was written" in again.stdout
    finally:
        subprocess.run(["umount", disk], check=True)
