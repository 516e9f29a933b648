"""Progress on stderr: a bar on a terminal, else a line every half minute."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import click

EVERY = 30.0
"""Seconds between lines where there is no terminal."""


Advance = Callable[[int, int], None]
"""Told how many are done, and of how many."""


@contextmanager
def counting(what: str, *, shown: bool) -> Iterator[Advance]:
    """Shows what it is told."""
    if not shown:
        yield lambda done, total: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    else:
        yield _lines(what)


def _lines(what: str) -> Advance:
    told = monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told
        if monotonic() - told >= EVERY:
            told = monotonic()
            click.echo(f"{what} {done:,} of {total:,}", err=True)

    return tell
