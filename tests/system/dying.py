"""Run the main job and die at the n-th call that touches the disk for good: every window of a crash, surely.

    python -m tests.system.dying OUT VAULT SOURCE N [N ...]

Each N is a child process of its own that kills itself with SIGKILL right before its N-th such call.
Prints, per N, whether it died or ended.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

import pipeline.cli.work  # noqa: F401  imported once, before the children are made
from pipeline.engine.workspace import Workspace
from tests.engine.jobs import run

CALLS = [(os, "fsync"), (os, "rename"), (os, "replace"), (os, "link"), (os, "mkdir"), (shutil, "rmtree")]


def arm(countdown: int) -> None:
    """Let every call of CALLS count, and the last one kill."""
    left = countdown

    def counted(function):
        def call(*arguments, **options):
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    for module, name in CALLS:
        setattr(module, name, counted(getattr(module, name)))


def main(out: str, vault: str, source: str, *countdowns: str) -> None:
    for countdown in countdowns:
        child = os.fork()
        if child == 0:
            arm(int(countdown))
            held = Workspace.open(Path(out), Path(vault), [Path(source)])
            held.scan([Path(source)])
            run(held)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write("died\n" if os.WIFSIGNALED(status) else f"ended {os.waitstatus_to_exitcode(status)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
