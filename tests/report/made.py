"""Records, catalog rows and runs made up for the tests of the report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from pipeline.archive.catalog import FILES, SERIES, STACKS, Catalog
from pipeline.reasons import MEANINGS, Reason

Row = dict[str, Any]


def name(n: int) -> str:
    return f"{n * 7919 % 1000003:032x}"


def raw(n: int, **facts: Any) -> Row:
    return {
        "type": "raw",
        "volume_id": name(n),
        "series_id": f"s{n}",
        "path": f"raw/00/{name(n)}.zarr",
        "sha256": "a" * 64,
        "shape": [20, 64, 48],
        "dtype": "int16",
        "spacing_mm": [2.5, 0.75, 0.75],
        "affine": [2.5, 0, 0, 0, 0, 0.75, 0, 0, 0, 0, 0.75, 0, 0, 0, 0, 1],
        "modality": "CT",
        "units": "HU",
        "padding": None,
        "low": -1024.0,
        "high": 1500.0 + n,
        "lossy": False,
        "geometry_error_mm": 0.0001 * (n % 50),
        "bytes_in": 130_000,
        "bytes_out": 60_000,
        "labels": ["mask"] if n % 2 else [],
        "costs": [{"step": "read", "seconds": 0.5, "bytes": 130_000}, {"step": "read", "seconds": 0.25, "bytes": 10}],
        "peak_rss_bytes": 200_000_000,
    } | facts


def derived(n: int, recipe: str = "ct-body", **facts: Any) -> Row:
    grid = {"shape": [50, 48, 36], "dtype": "int16", "spacing_mm": [1.0, 1.0, 1.0]}
    ssim = 0.999 - 0.0007 * (n * 37 % 101)
    qa = {
        "v_min": -1024.0,
        "v_max": 1500.0,
        "v_mean": -400.0 + n,
        "n_nan": 0,
        "ssim_global": ssim,
        "ssim_local_min": ssim - 0.02 * (n % 11),
        "psnr_db": 50.0 + n % 9,
        "mae": 1.5 + n % 4,
        "rmse": 3.0,
        "data_range": 2000.0,
        "fill_frac": 0.0,
    }
    structure = {
        "structure": 1,
        "n_voxels": 40_000 + n,
        "volume_ml": 40.0 + n,
        **{f"centroid_{a}_mm": 1.0 for a in "xyz"},
        **{f"bbox_{e}_{a}": 3 for a in "kji" for e in ("start", "stop")},
        "n_components": 1,
        "touches_border": False,
    }
    return {
        "type": "derived",
        "volume_id": name(n),
        "recipe": recipe,
        "fingerprint": "f" * 64,
        "path": f"derived/{recipe}/00/{name(n)}-ffffffff.zarr",
        "sha256": "b" * 64,
        "profile": None,
        "raw_sha256": "a" * 64,
        "bytes_out": 90_000,
        "outputs": {
            "ct": {"kind": "image", **grid, "qa": qa, "structures": []},
            "body": {"kind": "labels", **grid, "dtype": "uint8", "qa": {}, "structures": [structure]},
        },
        "costs": [{"step": "resample", "seconds": 0.1 + n / 1000, "bytes": 172_800}],
        "peak_rss_bytes": 300_000_000,
    } | facts


def refused(n: int, reason: Reason, recipe: str | None = None) -> Row:
    return {
        "type": "refused",
        "volume_id": name(n),
        "series_id": f"s{n}",
        "recipe": recipe,
        "reason": reason.value,
        "reasons": [reason.value],
        "code_version": "0.1.0",
    }


def series(n: int, reason: Reason | None = None) -> Row:
    """A catalog row: accepted, or refused by the scan."""
    return dict.fromkeys(SERIES.names) | {
        "series_id": f"s{n}",
        "volume_id": None if reason else name(n),
        "format": "dicom",
        "modality": "CT",
        "n_files": 20,
        "n_slices": 20,
        "gap_min_mm": 2.5,
        "gap_max_mm": 5.0 if reason else 2.5,
        "n_missing_estimated": 1 if reason else 0,
        "tilt_deg": 0.0,
        "geometry_error_mm": 0.0,
        "verdict": MEANINGS[reason].outcome.value if reason else "accepted",
        "reason": reason.value if reason else None,
        "reasons": [reason.value] if reason else [],
        "n_stacks": 1,
        "n_volumes": 0 if reason else 1,
    }


def catalog(*rows: Row, listed: Iterable[Listed] = (), stacks: Iterable[Row] | None = None) -> Catalog:
    """A catalog of these series, each of one stack unless ``stacks`` are given, and these files."""
    of_series, of_stacks = (pa.schema([f.with_nullable(True) for f in schema]) for schema in (SERIES, STACKS))
    found = [{k: v for k, v in row.items() if k in STACKS.names} for row in rows] if stacks is None else list(stacks)
    return Catalog(
        files(*listed),
        pa.Table.from_pylist(list(rows), schema=of_series),
        pa.Table.from_pylist(found, schema=of_stacks),
    )


Listed = tuple[str | None, str | None, str | None]


def files(*rows: Listed) -> pa.Table:
    """From (volume_id, outcome, reason)."""
    made = [
        {
            "file_id": f"f{n:06}",
            "series_id": "s",
            "size_bytes": 1,
            "volume_ids": [v] if v else [],
            "outcome": o,
            "reason": r,
        }
        for n, (v, o, r) in enumerate(rows)
    ]
    return pa.Table.from_pylist(made, schema=FILES)


def run(n: int) -> Row:
    return {
        "run_id": f"run-{n:04}",
        "recipe": "ct-body",
        "started_at": "2026-01-02T03:04:05.678901+00:00",
        "ended_at": "2026-01-02T04:05:06+01:00",
        "exit_code": 3,
        "version": "0.1.0",
        "device": "cpu",
        "workers": 2,
        "n_selected": 7,
        "n_done": 5,
        "n_current": 1,
        "n_refused": 1,
    }


def archive(n: int = 7) -> dict[str, Any]:
    """Arguments of ``publish``: n volumes made, one refused, one waiting, one series refused by the scan."""
    records = [make(i) for i in range(n) for make in (raw, derived)] + [refused(n, Reason.DECODE_FAIL)]
    rows = [series(i) for i in range(n + 2)] + [series(n + 2, Reason.MISSING_SLICE)]
    listed = [(name(i), None, None) for i in range(n + 2)]
    listed += [
        (None, "quarantined", "MISSING_SLICE"),
        (None, "skipped", "LOCALIZER"),
        (None, "duplicate", "DUPLICATE_SOP"),
    ]
    return {"records": records, "catalog": catalog(*rows, listed=listed), "runs": [run(1), run(2)]}
