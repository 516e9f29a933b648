"""Flags that several commands share.  Precedence: flag, ``SCANMILL_*``, recipe, vendor profile, default."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]


def output(command: Command) -> Command:
    """Where results go."""
    return click.option(
        "-o",
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        required=True,
        envvar="SCANMILL_OUT",
        help="The output folder; may be handed on.",
    )(command)


def vault(command: Command) -> Command:
    """Where identities stay."""
    return click.option(
        "--vault",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="SCANMILL_VAULT",
        help="Folder for key and identities, outside OUT; never hand it on. Default: the user's data folder.",
    )(command)


def json(command: Command) -> Command:
    """For machines."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def progress(command: Command) -> Command:
    """Quiet on stderr."""
    return click.option("--no-progress", is_flag=True, envvar="SCANMILL_NO_PROGRESS", help="No progress on stderr.")(
        command
    )


def workers(command: Command) -> Command:
    """How many processes."""
    return click.option(
        "--workers",
        type=click.IntRange(0),
        envvar="SCANMILL_WORKERS",
        help="Worker processes (default: one a core); 0 works in this process.",
    )(command)


def cluster(command: Command) -> Command:
    """Where work is done."""
    for option in (
        click.option(
            "--scheduler",
            default="local",
            envvar="SCANMILL_SCHEDULER",
            metavar="local|ADDRESS",
            show_default=True,
            help="Processes of this machine, or a running Dask scheduler.",
        ),
        workers,
        click.option("--memory-limit", envvar="SCANMILL_MEMORY_LIMIT", metavar="8GB", help="A worker's memory."),
        click.option("--allow-plain-tcp", is_flag=True, help="Connect to another machine's scheduler without TLS."),
    ):
        command = option(command)
    return command


def device(command: Command) -> Command:
    """Where networks run."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "gpu"]),
        default="auto",
        envvar="SCANMILL_DEVICE",
        show_default=True,
        callback=_device,
        expose_value=False,
        help="Where networks run; a GPU gives other last bits.",
    )(command)


def _device(_context: click.Context, _option: click.Parameter, value: str) -> None:
    """Workers inherit it."""
    os.environ["SCANMILL_DEVICE"] = value


def scanning(command: Command) -> Command:
    """What a scan must be told of files that do not say it themselves."""
    for option in (
        click.option("--modality", help="Modality of files whose header states none (NIfTI, MHA, NRRD)."),
        click.option(
            "--labels",
            multiple=True,
            metavar="GLOB",
            help="File names that hold label maps; may be repeated. Default: *_mask.* *_seg.* *_dseg.* *label*",
        ),
        click.option(
            "--irregular",
            type=click.Choice(["split", "refuse"]),
            default="split",
            show_default=True,
            help="Cut series with gaps into their regular runs, or refuse them.",
        ),
    ):
        command = option(command)
    return command


def selection(command: Command) -> Command:
    """Which series a command is about."""
    for option in (
        click.option("--where", metavar="SQL", help="A condition over the catalog's stacks, besides the recipe's own."),
        click.option("--shard", callback=_shard, default="0/1", metavar="I/N", help="Only the I-th of N parts."),
        click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N volumes."),
    ):
        command = option(command)
    return command


def _shard(_context: click.Context, _option: click.Parameter, text: str) -> tuple[int, int]:
    part, slash, parts = text.partition("/")
    if not (slash and part.isdigit() and parts.isdigit() and int(part) < int(parts)):
        raise click.BadParameter("write I/N with 0 <= I < N, as in 3/64")
    return int(part), int(parts)
