"""Quality of one kept output: exact numbers of the output itself, and its likeness to its source.

The reference of an image is the raw volume through the branch's intensity stages alone, where it was
acquired; the output is mapped back there linearly.  Fill and padding are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels.components import count
from pipeline.kernels.quality import INVALID, quantise
from pipeline.kernels.ramp import LARGEST
from pipeline.plan import Plan
from pipeline.regrid import inside, regrid
from pipeline.structure import Structure
from pipeline.tally import PERCENTILES, Extent, Extents, Fidelity, Histogram
from pipeline.volume import Facts, Spec, Volume

CT_RANGE = (-1000.0, 1000.0)
"""HU: the data range of a CT that no window was applied to, so that figures of all CT compare."""


def measure_image(plan: Plan, output: Volume, raw: Volume, facts: Facts, *, compare: bool = True) -> dict[str, Any]:
    """Columns of ``volume_qa`` for an image that ``plan`` made of ``raw``, both whole.

    Likeness is null where ``compare`` is false, and where a stage moved what is seen within the patient.
    """
    valid = _valid(plan, output.grid, raw.grid)
    histogram = Histogram.of(output.array, valid)
    histogram += histogram.detail(output.array, valid)
    low, high = data_range(plan, facts)
    # NumPy compares half floats one by one; widened first they take a fifth of the time.
    voxels = output.array.astype(np.float32) if output.array.dtype == np.float16 else output.array
    likeness = fidelity(plan, output, raw, facts, valid) if compare and not _deforms(plan) else Fidelity()
    n = histogram.n
    return {
        "v_min": histogram.min,
        "v_max": histogram.max,
        "v_mean": histogram.mean,
        "v_sd": histogram.sd,
        **{name: histogram.percentile(q) for name, q in PERCENTILES.items()},
        "n_nan": histogram.n_nan,
        "n_inf": histogram.n_inf,
        "clip_low_frac": _fraction(voxels <= low, valid, n),
        "clip_high_frac": _fraction(voxels >= high, valid, n),
        "fill_frac": 0.0 if valid is None else 1 - int(valid.sum()) / output.grid.size,
        "ssim_global": likeness.ssim_global,
        "ssim_local_min": likeness.ssim_local_min,
        "psnr_db": likeness.psnr_db,
        "mae": likeness.mae(high - low),
        "rmse": likeness.rmse(high - low),
        "data_range": high - low,
    }


def measure_labels(output: Volume, structures: Iterable[Structure] = ()) -> list[dict[str, Any]]:
    """Rows of ``structure_qa``, one a label value, of a whole label map; ``structures`` says what values mean."""
    grid, rows = output.grid, []
    known = {structure.value: structure for structure in structures}
    for label, extent in Extents.of(output.array, grid).by_label.items():
        centroid = extent.centroid
        position = _lattice(grid).position(centroid or (0.0, 0.0, 0.0))
        rows.append(
            {
                "structure": known[label].name if label in known else str(label),
                "label_value": int(label),
                "snomed_code": known[label].code if label in known else None,
                "n_voxels": extent.n_voxels,
                "volume_ml": extent.n_voxels * grid.voxel_mm3 / 1000,
                **{f"centroid_{axis}_mm": x for axis, x in zip("xyz", position, strict=True)},
                **{f"bbox_start_{axis}": a for axis, a in zip("kji", extent.start, strict=True)},
                **{f"bbox_stop_{axis}": b for axis, b in zip("kji", extent.stop, strict=True)},
                "n_components": count((output.array == label).view(np.uint8)),
                "touches_border": extent.touches(grid),
            }
        )
    return rows


def data_range(plan: Plan, facts: Facts) -> tuple[float, float]:
    """What SSIM and PSNR refer to: CT_RANGE or, of others, the raw volume's own, through the branch's pointwise stages.

    Of a ramp that clips, such as a window, it is the range that the ramp clips to.
    """
    low, high = CT_RANGE if facts.modality == "CT" else (facts.low, max(facts.high, facts.low + 1))
    for stage, spec in zip(plan.stages, plan.specs, strict=False):
        first = spec.grid.between(spec.grid.start, [at + 1 for at in spec.grid.start])
        if stage.moves or stage.reach(first, spec) != first:
            continue
        last = stage.ramp(spec)
        if last is not None:
            low, high = (end if abs(own) == LARGEST else own for own, end in ((last.low, low), (last.high, high)))
        two = first.crop((0, 0, 0), (1, 1, 2))
        ends = stage(Volume(np.array([[[low, high]]], np.float32), two), two, Spec(two, "image", np.dtype("f4")))
        low, high = float(ends.array.min()), float(ends.array.max())
    return low, max(high, np.nextafter(low, np.inf))


def fidelity(plan: Plan, output: Volume, raw: Volume, facts: Facts, valid: np.ndarray | None = None) -> Fidelity:
    """Likeness of an output to its reference, on the source grid; where ``valid`` is 0 the output is fill."""
    low, high = data_range(plan, facts)
    reference = plan.intensity.run(raw.crop_to, raw.grid)
    known = None if facts.padding is None else raw.array != np.asarray(facts.padding, raw.array.dtype)
    made = output.with_array(quantise(output.array, low, high))
    return Fidelity.of(quantise(reference.array, low, high, known), _back(made, valid, raw.grid), raw.grid, raw.grid)


def _deforms(plan: Plan) -> bool:
    return any(stage.deforms for stage in plan.stages)


def _valid(plan: Plan, output: Grid, source: Grid) -> np.ndarray | None:
    """uint8, 1 where a voxel of the output is no fill; None where none is.

    Of one move the grids say it.  Of several, and where the content moves, it is what becomes of a map of ones.
    """
    if sum(stage.moves for stage in plan.stages) <= 1 and not _deforms(plan):
        return inside(output, source)
    ones = Volume(np.ones(source.shape, np.uint8), source, "labels")
    mask: np.ndarray = plan.following(ones.array.dtype).run(ones.crop_to, output).array
    return None if mask.all() else mask


def _back(made: Volume, valid: np.ndarray | None, grid: Grid) -> np.ndarray:
    """A quantised output mapped linearly to the source grid; INVALID where fill would have a part in it."""
    if valid is None:
        return made.array if made.grid == grid else regrid(made, grid, order=1, fill=INVALID).array
    seen = Extents.of(valid, made.grid).by_label.get(1, Extent())
    box = made.grid.between(seen.start, seen.stop)
    if seen.n_voxels == box.size > 0:  # its border counts, as that of the source did
        return regrid(made, grid, box, order=1, fill=INVALID).array
    weight = regrid(made.with_array(valid.astype(np.float32)), grid, order=1).array
    back = regrid(made, grid, order=1, fill=INVALID).array
    back[weight < 1] = INVALID
    return back


def _fraction(where: np.ndarray, valid: np.ndarray | None, n: int) -> float | None:
    if not n:
        return None
    return int(np.count_nonzero(where if valid is None else where & valid.view(bool))) / n


def _lattice(grid: Grid) -> Grid:
    """The grid's frame with its origin at lattice index 0."""
    return grid.between((0, 0, 0), grid.stop)
