"""The catalog: what is in the archive, by file, series and stack.  Ids and closed vocabularies only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa

from pipeline.archive.formats.header import Facets

SCHEMA_VERSION = "2"

_TEXT, _COUNT, _REAL, _YES = pa.string(), pa.int64(), pa.float64(), pa.bool_()
# "element" is Parquet's name for the items of a list: a schema comes back from a file as it went in.
_TEXTS, _AFFINE = pa.list_(pa.field("element", _TEXT)), pa.list_(pa.field("element", _REAL), 16)


def _field(name: str, kind: pa.DataType, description: str, unit: str = "", *, required: bool = False) -> pa.Field:
    return pa.field(name, kind, not required, {"description": description, "unit": unit})


FILES = pa.schema(
    [
        _field("file_id", _TEXT, "pseudonym of the file's path", required=True),
        _field("series_id", _TEXT, "its series; null where the file states none"),
        _field("volume_ids", _TEXTS, "the volumes it is a part of; several for a file of several", required=True),
        _field("format", _TEXT, "dicom, nifti, mha or nrrd; null where it is none of them"),
        _field("size_bytes", pa.int64(), "length of the file", "byte", required=True),
        _field("outcome", _TEXT, "quarantined, skipped or duplicate; null where the run is to settle it"),
        _field("reason", _TEXT, "reason code of the outcome"),
    ],
    {"schema_version": SCHEMA_VERSION},
)

_IDS = [
    _field("series_id", _TEXT, "pseudonym of the series UID, or of the path below the source", required=True),
    _field("study_id", _TEXT, "pseudonym of the Study Instance UID"),
    _field("patient_id", _TEXT, "pseudonym of the Patient ID"),
    _field("volume_id", _TEXT, "the volume that is made of it; null where it is not accepted"),
    _field(
        "edition",
        _TEXT,
        "names the files, with their sizes and times, that the volume was put together from; another edition is"
        " converted anew",
    ),
]

_MEASURED = [
    _field("kind", _TEXT, "image", required=True),
    _field("verdict", _TEXT, "accepted, quarantined or skipped", required=True),
    _field("reason", _TEXT, "primary reason code of what was refused or cut; null where all is accepted"),
    _field("reasons", _TEXTS, "all reason codes that apply, primary first", required=True),
    _field("format", _TEXT, "dicom, nifti, mha or nrrd", required=True),
    _field("modality", _TEXT, "of header, BIDS sidecar, BIDS name or command: term or other-<token>"),
    _field("manufacturer", _TEXT, "term or other-<token>"),
    _field("model", _TEXT, "term or other-<token>"),
    _field("kernel", _TEXT, "convolution kernel: term or other-<token>"),
    _field("kernel_class", _TEXT, "soft or sharp, as the vendor profile says of the kernel"),
    _field("profile", _TEXT, "packaged vendor profile that matches, and its version; null where none does"),
    _field("body_part", _TEXT, "term or other-<token>"),
    _field("transfer_syntax", _TEXT, "UID of DICOM PS3.6 or other-<token>"),
    _field("lossy", _YES, "compressed with loss at any time"),
    _field("burned_in", _YES, "identities are burned in, says the header; null where it is silent"),
    _field("n_files", _COUNT, "files of the series, label maps left out", required=True),
    _field("n_labels", _COUNT, "label maps linked to it", required=True),
    _field("bytes_in", pa.int64(), "length of the files that make the volume, labels included", "byte", required=True),
    _field("n_slices", _COUNT, "images that the volume would be made of", required=True),
    _field("rows", _COUNT, "voxels along j"),
    _field("columns", _COUNT, "voxels along i"),
    _field("bits_stored", _COUNT, "significant bits of a stored value", "bit"),
    _field("padding", _REAL, "stored value of padding voxels"),
    _field("slice_thickness_mm", _REAL, "nominal slice thickness of the header", "mm"),
    _field("spacing_k_mm", _REAL, "length of the slice step of the affine", "mm"),
    _field("spacing_j_mm", _REAL, "length of the row step of the affine", "mm"),
    _field("spacing_i_mm", _REAL, "length of the column step of the affine", "mm"),
    _field("spacing_source", _TEXT, "of j and i: pixel, imager, nominal, affine or none", required=True),
    _field("slice_spacing_source", _TEXT, "of k: positions, thickness, affine or none", required=True),
    _field("affine", _AFFINE, "row-major 4 x 4, index (k, j, i, 1) to LPS", "mm"),
    _field(
        "forms_apart_mm",
        _REAL,
        "NIfTI: how far apart sform and qform place one corner voxel, at most; null where not both are stated",
        "mm",
    ),
    _field("geometry_error_mm", _REAL, "largest distance from the affine to a slice's own corner positions", "mm"),
    _field("gap_min_mm", _REAL, "smallest distance along the normal between neighbouring slices", "mm"),
    _field("gap_max_mm", _REAL, "largest distance along the normal between neighbouring slices", "mm"),
    _field("gap_sd_mm", _REAL, "population standard deviation of these distances", "mm"),
    _field("n_duplicate_positions", _COUNT, "slices at the position of the slice before"),
    _field("n_missing_estimated", _COUNT, "slices that would fill gaps near whole multiples of the median gap"),
    _field("spacing_spread_mm", _REAL, "largest difference of pixel spacing between slices", "mm"),
    _field("orientation_spread", _REAL, "largest difference of one direction cosine between slices"),
    _field("orthogonality_error", _REAL, "departure of row and column cosines from perpendicular unit vectors"),
    _field("tilt_deg", _REAL, "between the slice step and the slice normal", "degree"),
    _field("tilt_shift_mm", _REAL, "sideways shift from the first slice to the last", "mm"),
    _field("obliquity_deg", _REAL, "largest angle from a grid axis to the nearest patient axis", "degree"),
    _field("n_sizes", _COUNT, "distinct rows and columns", required=True),
    _field("n_spacings", _COUNT, "distinct pixel spacings", required=True),
    _field("n_orientations", _COUNT, "distinct orientations", required=True),
    _field("n_slopes", _COUNT, "distinct rescale slopes and intercepts", required=True),
    _field("n_studies", _COUNT, "distinct pairs of patient and study", required=True),
    _field("n_frames", _COUNT, "distinct frames of reference", required=True),
    _field(
        "n_codings",
        _COUNT,
        "distinct ways to make, store and rescale a pixel",
        required=True,
    ),
]

_FACETS = [
    _field("temporal_position", _COUNT, "which of several volumes in time"),
    _field("trigger_ms", _REAL, "delay after the trigger: the phase of a cycle", "ms"),
    _field("echo_ms", _REAL, "echo time", "ms"),
    _field("inversion_ms", _REAL, "inversion time", "ms"),
    _field("b_value", _REAL, "diffusion weighting", "s/mm2"),
    _field("component", _TEXT, "of a complex image: M, P, R or I"),
    _field("energy_kev", _REAL, "of a monoenergetic image", "keV"),
]
"""What of ``Facets`` is a number, or a letter, of the scanner alone."""

STACKS = pa.schema(
    [
        _field("stack_id", _TEXT, "pseudonym of the images of the stack", required=True),
        *_IDS,
        _field(
            "ordinal",
            _COUNT,
            "which stack of its series, from 0: by least Instance Number, or as a file has them",
            required=True,
        ),
        _field("partial", _TEXT, "reason code why this is known to be a part only of what was acquired"),
        *_FACETS,
        *_MEASURED,
    ],
    {"schema_version": SCHEMA_VERSION},
)
"""One row a stack: images of one series on one grid, that show one thing.  It becomes one volume or is refused."""

SERIES = pa.schema(
    [
        *_IDS,
        _field("n_stacks", _COUNT, "stacks that its images make", required=True),
        _field("n_volumes", _COUNT, "of those, accepted ones", required=True),
        *_MEASURED,
    ],
    {"schema_version": SCHEMA_VERSION},
)
"""One row a series.  What describes images is that of its first accepted stack, else of its largest; reasons are those
of all stacks."""


_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Catalog:
    """The tables, rows in the order of their ids: the same archive and vault give the same bytes."""

    files: pa.Table
    series: pa.Table
    stacks: pa.Table


class Rows:
    """Rows of one table while they come; columns that a row leaves out are null."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._columns: dict[str, list[Any]] = {name: [] for name in schema.names}

    def add(self, row: Mapping[str, object]) -> None:
        """One row more.  Raises KeyError for a column that the schema lacks.

        A whole number of a hostile header that int64 cannot hold stands as the nearest that it can.
        """
        unknown = set(row) - set(self._columns)
        if unknown:
            raise KeyError(f"no such columns: {sorted(unknown)}")
        for name, column in self._columns.items():
            value = row.get(name)
            column.append(max(-_LARGEST, min(value, _LARGEST)) if isinstance(value, int) else value)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def cut(self, n: int) -> None:
        """Forget all rows but the first ``n``."""
        for column in self._columns.values():
            del column[n:]

    def table(self) -> pa.Table:
        """All rows, sorted by the first column."""
        table = pa.table(self._columns, schema=self._schema)
        return table.sort_by(self._schema.names[0]).combine_chunks()


def measured(measures: object, names: Iterable[str] = STACKS.names) -> dict[str, object]:
    """The fields of a dataclass that are columns of the stacks table."""
    wanted = set(names)
    return {f.name: getattr(measures, f.name) for f in fields(measures) if f.name in wanted}  # type: ignore[arg-type]


def published(facets: Facets) -> dict[str, Any]:
    """What of the facets may leave: numbers, and a component that is one of four letters."""
    values = facets._asdict()
    letter = facets.component if facets.component in ("M", "P", "R", "I") else None
    return {f.name: values[f.name] for f in _FACETS} | {"component": letter}
