"""The tables of the report, defined once: names, types, units, meaning, keys.

Columns are only ever added; removing or redefining one raises ``VERSION``.  A number that is undefined or
not finite is null, never NaN.  Metrics are float32, geometry is float64.  Units are UCUM-like; ``1`` is a
plain number, ``voxel value`` the unit of the voxels that the row is about.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from pipeline.archive.catalog import SERIES as CATALOG
from pipeline.archive.catalog import STACKS

VERSION = "1"
"""``schema_version`` in the metadata of every table."""

RAW = "raw"
"""The recipe that a raw volume is filed under."""

_TEXT, _FLAG = pa.string(), pa.bool_()
_I32, _I64, _F32, _F64 = pa.int32(), pa.int64(), pa.float32(), pa.float64()
# "element" is Parquet's name for the items of a list: a schema comes back from a file as it went in.
_TEXTS, _F64S = (pa.list_(pa.field("element", kind)) for kind in (_TEXT, _F64))
_TIME = pa.timestamp("us", tz="UTC")


def _column(name: str, kind: pa.DataType, description: str, unit: str = "") -> pa.Field:
    notes = {"description": description} | ({"unit": unit} if unit else {})
    return pa.field(name, kind, metadata=notes)


def _triple(name: str, kind: pa.DataType, description: str, unit: str) -> list[pa.Field]:
    """``name`` with ``{}`` where the axis goes: one column each for k, j, i."""
    axes = {"k": "slice", "j": "row", "i": "column"}
    return [_column(name.format(a), kind, f"{description}, {word} axis", unit) for a, word in axes.items()]


def _of_catalog(*names: str, schema: pa.Schema = CATALOG) -> list[pa.Field]:
    """Columns that mean what they mean in the catalog; a number without a unit there has the unit 1."""
    found = []
    for field in map(schema.field, names):
        notes = field.metadata or {}
        number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        unit = notes.get(b"unit", b"").decode() or "1" * number
        found.append(_column(field.name, field.type, notes[b"description"].decode(), unit))
    return found


def _table(description: str, key: Iterable[str], *columns: pa.Field | list[pa.Field]) -> pa.Schema:
    key = tuple(key)
    flat = [f for c in columns for f in (c if isinstance(c, list) else [c])]
    fields = [f.with_nullable(f.name not in key) for f in flat]
    notes: dict[str | bytes, str | bytes] = {
        "description": description,
        "primary_key": ",".join(key),
        "schema_version": VERSION,
    }
    return pa.schema(fields, metadata=notes)


def key(schema: pa.Schema) -> list[str]:
    """Names of the columns that tell the rows of a table apart."""
    return (schema.metadata or {}).get(b"primary_key", b"").decode().split(",")


_VOLUME = _column("volume_id", _TEXT, "pseudonym of the volume: its series and its exact set of images")
_RECIPE = _column("recipe", _TEXT, f"name of the recipe; {RAW} for the volume as acquired")
_OUTPUT = _column("output", _TEXT, "name under which the recipe keeps the output")
_SERIES = _column("series_id", _TEXT, "pseudonym of the series")
_MODALITY = _column("modality", _TEXT, "DICOM Modality; null where nothing states it")
_REASON = _column("reason", _TEXT, "primary reason code (schemas/reasons.json); null where there is none")
_REASONS = _column("reasons", _TEXTS, "all reason codes that apply, primary first")
_GEOMETRY_ERROR = _column(
    "geometry_error_mm",
    _F64,
    "largest distance, over all slices and their corners, between the affine and the positions in the headers",
    "mm",
)

SERIES = _table(
    "One row a series of the catalog: what was found, what the geometry gate measured, how it ended.",
    ["series_id"],
    _of_catalog("series_id", "volume_id", "format", "modality", "body_part", "n_files", "n_labels", "bytes_in"),
    _of_catalog("n_slices", "rows", "columns", "spacing_k_mm", "spacing_j_mm", "spacing_i_mm"),
    _of_catalog("spacing_source", "slice_spacing_source", "gap_min_mm", "gap_max_mm", "gap_sd_mm"),
    _of_catalog("n_missing_estimated", "n_duplicate_positions", "orientation_spread", "orthogonality_error"),
    _of_catalog("tilt_deg", "tilt_shift_mm", "obliquity_deg", "geometry_error_mm", "lossy", "burned_in", "verdict"),
    _of_catalog("n_stacks", "n_volumes"),
    _column(
        "outcome",
        _TEXT,
        "by now: converted, partial (some of its stacks), quarantined, skipped or pending (accepted, no run yet)",
    ),
    _REASON,
    _REASONS,
)

VOLUMES = _table(
    "One row a volume and recipe: published, or refused with a reason.",
    ["volume_id", "recipe"],
    _VOLUME,
    _RECIPE,
    _SERIES,
    _column("outcome", _TEXT, "converted (published), quarantined or skipped"),
    _REASON,
    _REASONS,
    _column("superseded", _FLAG, "the catalog has a newer volume of the series, or has the series no more"),
    _MODALITY,
    _column("units", _TEXT, "of the raw voxels: HU, BQML, or 1 (arbitrary)"),
    _column("path", _TEXT, "where it is published, relative to the output folder"),
    _column("sha256", _TEXT, "hash of what is published, as committed"),
    _column("raw_sha256", _TEXT, "hash of the raw volume that a derived one was made from"),
    _column("fingerprint", _TEXT, "hash of all that decides the bytes: raw volume, stages, versions"),
    _column(
        "profile",
        _TEXT,
        "vendor profile and its version: of a raw volume the one that matches, of a derived one the one that parameters"
        " were taken from",
    ),
    _column("kernel_class", _TEXT, "soft or sharp, as the vendor profile says of the kernel"),
    _column("partial", _TEXT, "reason code why the volume is known to be a part only of what was acquired"),
    _of_catalog("temporal_position", "trigger_ms", "echo_ms", "inversion_ms", schema=STACKS),
    _of_catalog("b_value", "component", "energy_kev", schema=STACKS),
    _column(
        "private_scale",
        _F64,
        "a voxel of a Philips MR divided by it is the floating-point value of the reconstruction",
        "1",
    ),
    _column("outputs", _TEXTS, "names of the kept outputs; of a raw volume, its label maps"),
    _triple("shape_{}", _I32, "voxels of the raw volume", "1"),
    _triple("spacing_{}_mm", _F64, "spacing of the raw volume", "mm"),
    _column("affine", _F64S, "4 x 4, row by row, raw index (k, j, i, 1) to LPS mm", "mm"),
    _column("dtype", _TEXT, "of the raw voxels"),
    _column("padding", _F64, "rescaled value of padding voxels; null where none is declared", "voxel value"),
    _column("low", _F64, "exact minimum of the raw voxels", "voxel value"),
    _column("high", _F64, "exact maximum of the raw voxels", "voxel value"),
    _column("bytes_in", _I64, "read from the archive for the raw volume", "byte"),
    _column("bytes_out", _I64, "published", "byte"),
)


def _percentile(name: str) -> pa.Field:
    return _column(name, _F32, f"percentile {name[1:].replace('_', '.')}, exact, of all valid voxels", "voxel value")


VOLUME_QA = _table(
    "One row a kept image.  The reference of SSIM, PSNR, MAE and RMSE is the raw volume through the intensity "
    "stages alone, on the source grid; the output is mapped back linearly; fill and padding are left out.  A random "
    "sample has no reference.",
    ["volume_id", "recipe", "output"],
    _VOLUME,
    _RECIPE,
    _OUTPUT,
    _column("kind", _TEXT, "image"),
    _column("dtype", _TEXT, "of the voxels"),
    _triple("shape_{}", _I32, "voxels", "1"),
    _triple("spacing_{}_mm", _F64, "distance between neighbouring voxel centres", "mm"),
    _column("v_min", _F32, "smallest valid voxel", "voxel value"),
    _column("v_max", _F32, "largest valid voxel", "voxel value"),
    _column("v_mean", _F32, "mean of the valid voxels", "voxel value"),
    _column("v_sd", _F32, "standard deviation of the valid voxels", "voxel value"),
    [_percentile(p) for p in ("p0_5", "p1", "p5", "p50", "p95", "p99", "p99_5")],
    _column("n_nan", _I64, "voxels that are not a number", "1"),
    _column("n_inf", _I64, "voxels that are infinite", "1"),
    _column("clip_low_frac", _F32, "fraction of valid voxels at or below the low end of the data range", "1"),
    _column("clip_high_frac", _F32, "fraction of valid voxels at or above the high end of the data range", "1"),
    _column("fill_frac", _F32, "fraction of voxels that lie outside the source and were filled", "1"),
    _column("ssim_global", _F32, "structural similarity to the reference, mean over all windows", "1"),
    _column("ssim_local_min", _F32, "structural similarity to the reference, worst window", "1"),
    _column("psnr_db", _F32, "peak signal-to-noise ratio; null where image and reference are equal", "dB"),
    _column("mae", _F32, "mean absolute difference from the reference", "voxel value"),
    _column("rmse", _F32, "root mean square difference from the reference", "voxel value"),
    _column("data_range", _F32, "width of the fixed range that SSIM and PSNR refer to", "voxel value"),
    _column("n_interpolations", _I32, "how often the voxels were interpolated on the way from the raw volume", "1"),
    _GEOMETRY_ERROR,
    _column("lossy_source", _FLAG, "the source was compressed with loss"),
)

STRUCTURE_QA = _table(
    "One row a structure of a kept label map.",
    ["volume_id", "recipe", "output", "structure"],
    _VOLUME,
    _RECIPE,
    _OUTPUT,
    _column("structure", _TEXT, "name of the structure; the label value where none is known"),
    _column("label_value", _I32, "of its voxels", "1"),
    _column("snomed_code", _TEXT, "concept id in SNOMED CT"),
    _column("n_voxels", _I64, "voxels of the structure", "1"),
    _column("volume_ml", _F32, "volume of the structure", "ml"),
    *(_column(f"centroid_{a}_mm", _F64, f"centre of mass, patient coordinate {a.upper()} (LPS)", "mm") for a in "xyz"),
    _triple("bbox_start_{}", _I32, "first index of the bounding box", "1"),
    _triple("bbox_stop_{}", _I32, "one past the last index of the bounding box", "1"),
    _column("n_components", _I32, "face-connected components", "1"),
    _column("touches_border", _FLAG, "the structure reaches the border of the image"),
)

COSTS = _table(
    "Measured on the machine that did the work, so unlike the other tables it differs from run to run.",
    ["volume_id", "recipe", "step"],
    _VOLUME,
    _RECIPE,
    _column("step", _TEXT, "read, decode, the name of a stage, qa, write ..."),
    _column("seconds", _F64, "wall time of the step, summed where it came up more than once", "s"),
    _column("bytes", _I64, "that the step read or made", "byte"),
    _column("peak_rss_bytes", _I64, "largest resident memory of the process up to the end of the volume", "byte"),
)

RUNS = _table(
    "One row a run: the only table with times.",
    ["run_id"],
    _column("run_id", _TEXT, "name of the run's folder under runs/"),
    _RECIPE,
    _column("started_at", _TIME, "begin of the run"),
    _column("ended_at", _TIME, "end of the run; null where it was killed or still goes on"),
    _column("exit_code", _I32, "0 done, 3 with refusals, 130 interrupted ...; null where it was killed", "1"),
    _column("version", _TEXT, "of scanmill"),
    _column("device", _TEXT, "class of the device that computed: cpu, or the model of the GPU"),
    _column("workers", _I32, "worker processes", "1"),
    _column("n_selected", _I64, "volumes that the recipe takes", "1"),
    _column("n_done", _I64, "volumes published by this run", "1"),
    _column("n_current", _I64, "volumes that were up to date already", "1"),
    _column("n_refused", _I64, "volumes refused in this run", "1"),
)

TABLES: dict[str, pa.Schema] = {
    "series": SERIES,
    "volumes": VOLUMES,
    "volume_qa": VOLUME_QA,
    "structure_qa": STRUCTURE_QA,
    "costs": COSTS,
    "runs": RUNS,
}
"""Every table of the report, by the name of its file."""
