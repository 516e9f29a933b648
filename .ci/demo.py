"""`make demo`: write the demo archive, run the main job on it twice, hold the counts to what was planted.

    python .ci/demo.py FOLDER       FOLDER is made anew: archive/ out/ vault/

Exit 3 of `scanmill run` is what the planted faults must give; anything else that is not 0 fails the demo.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.demo import Expected

RECIPE, MODALITY, NETWORK = "ct-body", "CT", "ct-lungs"
QUARANTINED = 3


def scanmill(*arguments: object, ok: tuple[int, ...] = (0,)) -> str:
    """What the command prints on stdout; its progress and its complaints go through to the terminal."""
    command = [Path(sys.executable).with_name("scanmill"), *map(str, arguments)]
    print("$ scanmill", *arguments, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in ok:
        sys.exit(f"demo: exit {done.returncode} where {' or '.join(map(str, ok))} was expected")
    return done.stdout


def same(what: str, found: Any, wanted: Any) -> None:
    """Stop the demo where a count is not the planted one."""
    if found != wanted:
        sys.exit(f"demo: {what}: found {found}, expected {wanted}")


def published(out: Path) -> dict[str, str]:
    """The hash of every file of OUT."""
    return {
        p.relative_to(out).as_posix(): sha256(p.read_bytes()).hexdigest() for p in sorted(out.rglob("*")) if p.is_file()
    }


def networks(archive: Path, out: Path, vault: Path) -> str:
    """What a U-Net finds in the same archive, where torch is there to run one."""
    if find_spec("torch") is None:
        return "torch is not installed: pip install 'scanmill[models]', then `scanmill run ct-lungs`"
    scanmill("run", NETWORK, "-o", out, archive, "--vault", vault, "--json", ok=(0, QUARANTINED))
    rows = pq.read_table(out / "report" / "structure_qa.parquet").to_pylist()
    found = {
        side: [row["volume_ml"] for row in rows if row["structure"] == side] for side in ("right lung", "left lung")
    }
    told = ", ".join(f"{side} {max(ml):,.0f} ml" for side, ml in found.items() if ml)
    return f"{NETWORK}: in the chest {told or 'no lungs'}"


def main(folder: Path) -> None:
    """The commands, and the counts."""
    shutil.rmtree(folder, ignore_errors=True)
    archive, out, vault = folder / "archive", folder / "out", folder / "vault"
    expected = Expected.from_json(scanmill("demo", archive, "--json"))
    run = ("run", RECIPE, "-o", out, archive, "--vault", vault, "--json")

    start = time.monotonic()
    first = json.loads(scanmill(*run, ok=(QUARANTINED,)))
    seconds = time.monotonic() - start
    found, reasons = first["accounting"], first["accounting"].pop("reasons")
    same("files by outcome", found, {"found": expected.found, **expected.outcomes(MODALITY)})
    same("files by reason", reasons, expected.reasons())
    rows = pq.read_table(out / "report" / "volumes.parquet", columns=["recipe", "outcome"]).to_pylist()
    for recipe in ("raw", RECIPE):
        made = sum(row["recipe"] == recipe and row["outcome"] == "converted" for row in rows)
        same(f"volumes of {recipe}", made, expected.volumes(MODALITY))

    before = published(out)
    second = json.loads(scanmill(*run, ok=(QUARANTINED,)))
    same("groups that a second run made", second["made"], 0)
    same("files that a second run changed", second["changed"], [])
    same("bytes after a second run", published(out) == before, True)

    lungs = networks(archive, out, vault)
    print(expected.describe())
    counts = ", ".join(f"{n} {outcome}" for outcome, n in expected.outcomes(MODALITY).items())
    print(f"files    {expected.found} found: {counts}")
    print(f"volumes  {expected.volumes(MODALITY)} by {RECIPE} in {seconds:.1f} s; run again, nothing changed")
    print(f"         {out / 'raw'}  {out / 'derived' / RECIPE}")
    print(f"network  {lungs}")
    print(f"report   {out / 'report' / 'index.html'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
