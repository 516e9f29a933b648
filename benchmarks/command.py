"""What every comparison is, and the command that runs one."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.paired import Case, paired
from benchmarks.peers import versions

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Comparison:
    """Cases that do the same job on the same image.

    Attributes
    ----------
    ours, peers : cases by name; all that a case makes of its input is made anew at each call
    left_out : peers that are not installed
    error : how far what a case gave is from the reference
    of : what the error is of, in words
    """

    ours: Mapping[str, Case]
    peers: Mapping[str, Case]
    left_out: tuple[str, ...] = ()
    error: Callable[[Any], float] | None = None
    of: str = ""


def command(
    name: str, compare: Callable[[Shape], Comparison], shape: Shape = (300, 512, 512)
) -> Callable[[Sequence[str] | None], None]:
    """A main that runs ``compare``, prints its table, and writes it where asked."""

    def main(arguments: Sequence[str] | None = None) -> None:
        parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=compare.__doc__)
        parser.add_argument("--shape", type=int, nargs=3, default=shape, metavar=("K", "J", "I"))
        parser.add_argument("--repeats", type=int, default=7)
        parser.add_argument("--json", type=Path, metavar="FILE")
        parser.add_argument("--date", help="written to the file as it is")
        told = parser.parse_args(arguments)
        made = compare(tuple(told.shape))
        table = paired(made.ours, made.peers, told.repeats, made.error)
        print(f"{name}, {' x '.join(map(str, told.shape))}, {told.repeats} rounds", table, sep="\n")
        if made.error is not None:
            print(f"error: {made.of}")
        if made.left_out:
            print(f"not installed, so left out: {', '.join(made.left_out)}")
        if told.json:
            about = {"benchmark": name, "date": told.date, "shape": list(told.shape), "repeats": told.repeats}
            table.save(told.json, versions(), **about, error_of=made.of or None, left_out=list(made.left_out))

    return main
