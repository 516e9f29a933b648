"""What comes of a real series, how far that is from its reference, and the table of it all."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.store import omezarr
from pipeline.volume import Volume
from tests.engine import jobs
from tests.system.comparison import Difference, Placement, Resampled, compare, place, volumes_of
from tests.system.ground_truth_cases import Case
from tests.system.placed_slices import placed_slices

HEAD = (
    "| series | published | slices, as pydicom places them | reference | corners, mm | voxels | remark |\n"
    "|---|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True)
class Found:
    """What came of a case: volumes in the order of the catalog, reason codes with their files."""

    case: Case
    volumes: tuple[Volume, ...]
    reasons: tuple[tuple[str, int], ...]
    placement: Placement
    differences: tuple[Difference | Resampled | None, ...]


def find(case: Case, data: Callable[[str], Path], root: Path) -> Found:
    """Scan and convert a case into ``root``, and compare.  ``data`` gives the folder of a set."""
    source = below_sets(data, case.source)
    held = jobs.workspace(root, source)
    jobs.run(held, "name: raw\nstages: []\n")
    out = held.output.root
    paths = {row["volume_id"]: row["path"] for row in pq.read_table(out / "report" / "volumes.parquet").to_pylist()}
    rows = pq.read_table(out / "catalog" / "stacks", filters=pc.field("volume_id").is_valid())
    ids = rows.sort_by("ordinal")["volume_id"].to_pylist()
    volumes = tuple(omezarr.read(out / paths[volume_id]) for volume_id in ids)
    ends = pq.read_table(out / "catalog" / "files")["reason"].drop_null().to_pylist()
    return Found(
        case=case,
        volumes=volumes,
        reasons=tuple(sorted(Counter(ends).items())),
        placement=place(volumes, placed_slices(source)),
        differences=tuple(compare(volumes_of(below_sets(data, name)), volumes) for name in case.references),
    )


def below_sets(data: Callable[[str], Path], name: str) -> Path:
    """The path of ``set/path/in/it``."""
    first, *rest = name.split("/")
    return data(first).joinpath(*rest)


def table(found: Iterable[Found]) -> str:
    """Markdown, one row a case."""
    return HEAD + "".join(f"| {' | '.join(_cells(f))} |\n" for f in found)


def _cells(found: Found) -> Sequence[str]:
    case, where = found.case, found.placement
    shapes = Counter(f"{'×'.join(map(str, v.array.shape))} {v.array.dtype.name}" for v in found.volumes)
    published = [f"{n} × {shape}" if n > 1 else shape for shape, n in shapes.items()]
    refused = [f"{reason} ({n})" for reason, n in found.reasons]
    compared = [d for d in found.differences if isinstance(d, Difference)]
    return (
        f"`{case.source}`",
        "; ".join(published + refused),
        f"{where.found} of {where.slices}, {below(where.corner_mm)} mm" if where.found else "–",
        case.by or "–",
        below(max(d.corner_mm for d in compared)) if compared else "–",
        "; ".join(dict.fromkeys(map(values_cell, found.differences))) or "–",
        case.remark,
    )


def values_cell(difference: Difference | Resampled | None) -> str:
    """How the values of a reference differ from ours, in a few words."""
    if difference is None:
        return "nothing in common"
    if isinstance(difference, Resampled):
        return f"interpolated: {difference.voxels} inside ours, off by {below(difference.largest)}"
    if not difference.unequal:
        return "equal"
    scaled = [f"{factor:.6g}" for factor in difference.factors if factor != 1]
    return f"× {', '.join(scaled)}" if scaled else f"{difference.unequal} differ by {below(difference.largest)}"


def below(value: float) -> str:
    """Three digits; of what is below 1e-3 the power of ten that it is below: no last bit changes the page."""
    return f"{value:.3g}" if value >= 1e-3 else f"< 1e{math.floor(math.log10(max(value, 1e-10))) + 1}"
