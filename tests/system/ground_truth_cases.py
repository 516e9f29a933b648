"""Every real series that has a reference, and some that have none: what must come of each."""

from dataclasses import dataclass


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
    within : largest difference of a value that the remark explains
    """

    source: str
    references: tuple[str, ...] = ()
    by: str = ""
    volumes: int = 1
    reasons: tuple[tuple[str, int], ...] = ()
    remark: str = ""
    within: float = 0.0


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
    _peer("ge/dti/001", volumes=2, remark="told apart by Instance Number: the b-value of GE lacks its private creator"),
    _peer("ge/dti/002", volumes=4, remark="told apart by Instance Number: the header says nothing else"),
    _peer("ge/fmri/001", volumes=2, remark="told apart by Instance Number: the header says nothing else"),
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
    _peer(
        "philips_enhanced/anatomical/001",
        remark="dicom2nifti rescales in float32",
        within=2e-4,
    ),
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
        remark="a slice is missing, the gantry tilted: the run of three; the reference is interpolated, upright",
        within=0.51,
    ),
    _alone(
        "dicom2nifti-groundtruth/failing/sliceorientation/001",
        volumes=0,
        reasons=(("MIXED_SPACING", 4),),
        remark="two stacks of two slices each, of other orientation and spacing: too few to be volumes side by side",
    ),
    *(
        Case(f"dcm_qa_12bit/In/{name}.dcm", (f"dcm_qa_12bit/Ref/{n}.nii",), "dcm2niix")
        for n, name in ((2, "12bitUnsigned"), (3, "12bitUnsigned_0x0F0F"), (4, "12bitSigned_0x0F0F"))
    ),
    *(Case(f"dcm_qa_ts/In/{n}.dcm", (f"dcm_qa_ts/Ref/{n}.nii",), "dcm2niix") for n in range(1, 10)),
    Case("dcm_qa_ts/In", volumes=9, remark="nine twins: objects of a whole volume each"),
    Case("dcm_qa_12bit/In", volumes=0, reasons=(("DUPLICATE_SOP_CONFLICT", 3),), remark="one instance, three images"),
    Case(
        "dcm_qa_enh/In/Philips",
        ("dcm_qa_enh/Ref/Philips_WIP_B0_NS_801_e1.nii",),
        "dcm2niix",
        volumes=2,
        remark="magnitude and field map; dcm2niix divides by rescale slope × private scale slope, in float32",
        within=2e-4,
    ),
    Case(
        "dcm_qa_enh/In/Philips",
        ("dcm_qa_enh/Ref/Philips_WIP_B0_NS_801_e2_fieldmaphz.nii",),
        "dcm2niix",
        volumes=2,
        remark="field map in Hz: dcm2niix writes a slope of 0.24420166, the header says 0.24420024420024",
        within=6e-3,
    ),
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
            remark=remark,
            within=2e-6 if remark else 0.0,
        )
        for patient in ("002", "008", "025")
        for kind, remark in (("CT", ""), ("MR_T1", ""), ("PET", "the reference is rescaled in float32"))
    ),
    Case(
        "xray-cr-dx/highdicom_dx_image.dcm",
        ("xray-cr-dx/highdicom_dx_image.dcm",),
        "SimpleITK",
        remark="MONOCHROME1, which SimpleITK inverts (255 - v); ours are the values as they are, flagged",
        within=255,
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
