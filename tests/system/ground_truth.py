"""Every real series that has a reference, what must come of it, and the table of what does."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.store import omezarr
from pipeline.volume import Volume
from tests.engine import jobs
from tests.system.comparison import Difference, Placement, Resampled, compare, place, volumes_of
from tests.system.placed_slices import placed_slices

HEAD = (
    "| series | published | slices, as pydicom places them | reference | corners, mm | voxels | remark |\n"
    "|---|---|---|---|---|---|---|\n"
)

FAR_MM = 0.01
"""Law L5."""


@dataclass(frozen=True)
class Case:
    """A series by itself, its references, and what must come of it.

    Attributes
    ----------
    source : folder or file below the folder of all sets
    references : NIfTI files, each of which holds all of it
    by : who made them
    volumes : how many are to be published
    reasons : reason code -> files that are to end with it
    remark : why the result is not the reference, or not all of the source
    """

    source: str
    references: tuple[str, ...] = ()
    by: str = ""
    volumes: int = 1
    reasons: tuple[tuple[str, int], ...] = ()
    remark: str = ""


@dataclass(frozen=True)
class Found:
    """What came of a case."""

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
    rows = pq.read_table(out / "report" / "volumes.parquet").to_pylist()
    volumes = tuple(omezarr.read(out / row["path"]) for row in rows if row["path"])
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


def _peer(name: str, **rest: object) -> Case:
    """A series of dicom2nifti's test suite, whose references lie beside it."""
    folder = f"dicom2nifti-groundtruth/{name}"
    twins = tuple(f"{folder}_ground_truth{end}.nii.gz" for end in ("", "_reoriented"))
    return Case(folder, twins, "dicom2nifti", **rest)  # type: ignore[arg-type]


def _alone(name: str, **rest: object) -> Case:
    """A series without a reference: what pydicom says of its slices is all there is."""
    return Case(name, **rest)  # type: ignore[arg-type]


CASES = (
    _peer("ge/anatomical/001"),
    _peer("ge/anatomical/001_single_slice"),
    _peer("ge/dti/001", volumes=2, remark="told apart by GE's b-value"),
    _peer("ge/dti/002", volumes=4, remark="told apart by Instance Number alone: the header says nothing else"),
    _peer("ge/fmri/001", volumes=2, remark="told apart by Instance Number alone: the header says nothing else"),
    _peer("generic/anatomical/001"),
    _peer("generic/anatomical/002_non_isotropic", remark="a rescale of its own for each slice: float32"),
    _peer("generic/compressed/001"),
    _peer("generic/compressed_j2k/001"),
    _peer("generic/compressed_jpeg/001"),
    _peer("generic/compressed_jpegls/001"),
    _peer("generic/compressed_rle/001"),
    _alone(
        "dicom2nifti-groundtruth/generic/rgb/001",
        volumes=0,
        reasons=(("SECONDARY_CAPTURE", 4),),
        remark="colour; the reference is colour too",
    ),
    _peer("hitachi/anatomical/001"),
    _peer("hyperfine/anatomical/001"),
    _peer("philips/anatomical/001"),
    _peer("philips_enhanced/anatomical/001"),
    _peer("siemens/anatomical/001"),
    _peer("siemens_multiframe/anatomical/001"),
    _alone("dicom2nifti-groundtruth/failing/gantrytilting/001", remark="sheared as acquired; dicom2nifti refuses"),
    _alone("dicom2nifti-groundtruth/failing/notavolume/001", volumes=4, remark="one place, four acquisitions"),
    _peer("failing/slicecount/001", remark="two slices"),
    _alone(
        "dicom2nifti-groundtruth/failing/sliceincrement/001",
        reasons=(("MISSING_SLICE", 1),),
        remark="a slice is missing: the run of three",
    ),
    _peer(
        "failing/sliceincrement/002",
        reasons=(("MISSING_SLICE", 1),),
        remark="a slice is missing, the gantry tilted: the run of three; the reference is resampled to an upright grid",
    ),
    _alone("dicom2nifti-groundtruth/failing/sliceorientation/001", volumes=2, remark="two stacks of two slices"),
    *(
        Case(f"dcm_qa_12bit/In/{name}.dcm", (f"dcm_qa_12bit/Ref/{n}.nii",), "dcm2niix")
        for n, name in ((2, "12bitUnsigned"), (3, "12bitUnsigned_0x0F0F"), (4, "12bitSigned_0x0F0F"))
    ),
    *(Case(f"dcm_qa_ts/In/{n}.dcm", (f"dcm_qa_ts/Ref/{n}.nii",), "dcm2niix") for n in range(1, 10)),
    Case("dcm_qa_ts/In", volumes=0, reasons=(("DUPLICATE_POSITION", 9),), remark="nine twins that nothing tells apart"),
    Case("dcm_qa_12bit/In", volumes=0, reasons=(("DUPLICATE_SOP_CONFLICT", 3),), remark="one instance, three images"),
    Case("dcm_qa_enh/In/Philips", ("dcm_qa_enh/Ref/Philips_WIP_B0_NS_801_e1.nii",), "dcm2niix", volumes=2),
    Case("dcm_qa_enh/In/Philips", ("dcm_qa_enh/Ref/Philips_WIP_B0_NS_801_e2_fieldmaphz.nii",), "dcm2niix", volumes=2),
    Case("dcm_qa_enh/In/Siemens/XA10", ("dcm_qa_enh/Ref/Siemens_REST1_w_SMS_PF7-8_6.nii",), "dcm2niix", volumes=4),
    Case("dcm_qa_xa30/In/5_anat-T1w_acq-tfl", ("dcm_qa_xa30/Ref/5_anat-T1w_acq-tfl.nii",), "dcm2niix"),
    Case("dcm_qa_xa30/In/9_gre_field_mapping", ("dcm_qa_xa30/Ref/9_gre_field_mapping_e2_ph.nii",), "dcm2niix"),
    _alone("dcm_qa_agfa/Agfa", volumes=4),
    _alone("ct-enhanced/eCT_Supplemental.dcm"),
    _alone("ct-liver-dicomseg/ct-3slice"),
    _alone("ct-totalseg-siemens-labels/example_ct_dicom"),
    _alone("pet-wholebody-seg/rsna_2/PET"),
    *(
        Case(
            f"ibsi-sts-ct-mr-pet/dicom/STS_{patient}/{kind}/image",
            (f"ibsi-sts-ct-mr-pet/nifti/STS_{patient}/{kind}_image.nii.gz",),
            "IBSI",
        )
        for patient in ("002", "008", "025")
        for kind in ("CT", "MR_T1", "PET")
    ),
    Case(
        "xray-cr-dx/highdicom_dx_image.dcm",
        ("xray-cr-dx/highdicom_dx_image.dcm",),
        "SimpleITK",
        remark="MONOCHROME1, which SimpleITK inverts (255 - v); ours are the values as they are, flagged",
    ),
    _alone(
        "xray-cr-dx/Fake_MONOHR1.dcm",
        volumes=0,
        reasons=(("SECONDARY_CAPTURE", 1),),
        remark="a CR that says it is a secondary capture",
    ),
    Case("mr-tumour-nrrd/brain1_image.nrrd", ("mr-tumour-nrrd/brain1_image.nrrd",), "SimpleITK"),
    *(
        Case(name, (name,), "nibabel", volumes=n)
        for n, name in (
            (1, "ibsi-sts-ct-mr-pet/nifti/STS_008/PET_image.nii.gz"),
            (2, "dicom2nifti-groundtruth/ge/fmri/001_ground_truth.nii.gz"),
            (4, "dicom2nifti-groundtruth/ge/dti/002_ground_truth_reoriented.nii.gz"),
            (1, "dicom2nifti-groundtruth/philips_enhanced/anatomical/001_ground_truth.nii.gz"),
            (4, "dcm_qa_enh/Ref/Siemens_REST1_w_SMS_PF7-8_6.nii"),
            (1, "dcm_qa_enh/Ref/Philips_WIP_B0_NS_801_e1.nii"),
            (1, "dcm_qa_xa30/Ref/9_gre_field_mapping_e2_ph.nii"),
        )
    ),
)


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
        return f"{difference.voxels} lie in ours, off by {below(difference.largest)}"
    if not difference.unequal:
        return "equal"
    scaled = [f"{factor:.6g}" for factor in difference.factors if factor != 1]
    return f"× {', '.join(scaled)}" if scaled else f"{difference.unequal} differ by {below(difference.largest)}"


def below(value: float) -> str:
    """Two digits; of what is below 1e-3 the power of ten that it is below, so that no last bit changes the page."""
    return f"{value:.2g}" if value >= 1e-3 else f"< 1e{math.floor(math.log10(max(value, 1e-10))) + 1}"
