"""The terms of the closed vocabularies: published term -> other spellings met in headers."""

from __future__ import annotations


def _plain(text: str) -> dict[str, tuple[str, ...]]:
    """Terms without other spellings, parted by commas."""
    return {term.strip(): () for term in text.split(",")}


MODALITIES = _plain(
    "AS, BI, BMD, CR, CT, DG, DOC, DX, ECG, EPS, ES, GM, HD, IO, IVOCT, IVUS, KER, KO, LEN, LS, M3D, MG, MR, NM, OAM,"
    "OCT, OP, OPM, OPT, OPTBSV, OPTENF, OPV, OSS, OT, PA, PLAN, PR, PT, PX, REG, RESP, RF, RG, RTDOSE, RTIMAGE,"
    "RTPLAN, RTRECORD, RTSTRUCT, RWV, SC, SEG, SM, SMR, SR, SRF, STAIN, TG, US, VA, XA, XC"
)
"""Defined terms of DICOM PS3.3 C.7.3.1.1.1, and SC."""

MANUFACTURERS: dict[str, tuple[str, ...]] = {
    "Agfa": ("Agfa-Gevaert", "Agfa HealthCare", "AGFA-Gevaert AG", "Agfa-Gevaert NV"),
    "Bruker": ("Bruker BioSpin", "Bruker BioSpin MRI GmbH"),
    "Canon": ("Canon Inc.", "Canon Medical Systems", "CANON_MEC", "CANON MEDICAL SYSTEMS CORPORATION"),
    "Carestream": ("Carestream Health", "CARESTREAM HEALTH", "KODAK", "Eastman Kodak Company"),
    "CPS": ("CTI", "CPS Innovations"),
    "Esaote": ("ESAOTE S.p.A",),
    "Fujifilm": ("FUJIFILM Corporation", "FUJI PHOTO FILM Co., ltd.", "FUJI PHOTO FILM Co. Ltd."),
    "GE": (
        "GE MEDICAL SYSTEMS",
        "GE Healthcare",
        "GEMS",
        "GE HEALTHCARE",
        "GE Medical Systems, Inc.",
        "General Electric",
    ),
    "Hitachi": ("Hitachi Medical Corporation", "HITACHI", "Hitachi, Ltd.", "Hitachi Healthcare"),
    "Hologic": ("HOLOGIC, Inc.", "LORAD, A Hologic Company", "LORAD"),
    "Imaging Sciences": ("Imaging Sciences International",),
    "Konica Minolta": ("KONICA MINOLTA", "Konica Minolta, Inc."),
    "Mediso": ("Mediso Medical Imaging Systems",),
    "MIM Software": ("MIM Software Inc.",),
    "Neusoft": ("Neusoft Medical Systems", "NMS"),
    "Paramed": ("Paramed Medical Systems",),
    "Philips": (
        "Philips Medical Systems",
        "Philips Healthcare",
        "Philips Medical Systems Nederland",
        "PHILIPS MEDICAL SYSTEMS DMC",
        "Philips Electronics",
        "Marconi Medical Systems",
        "ADAC Laboratories",
        "Picker International",
    ),
    "Samsung": ("Samsung Electronics", "SAMSUNG MEDISON CO., LTD.", "NeuroLogica"),
    "Shimadzu": ("Shimadzu Corporation",),
    "Siemens": (
        "SIEMENS",
        "Siemens Healthineers",
        "Siemens Healthcare",
        "Siemens HealthCare GmbH",
        "Siemens Healthcare GmbH",
        "Siemens AG",
        "Siemens Medical Solutions",
        "SIEMENS NM",
        "CPS Siemens",
    ),
    "Toshiba": ("TOSHIBA_MEC", "Toshiba Medical Systems", "TOSHIBA MEDICAL SYSTEMS CORPORATION"),
    "UIH": ("United Imaging", "United Imaging Healthcare", "Shanghai United Imaging Healthcare"),
    "Varian": ("Varian Medical Systems", "Varian Imaging Laboratories, Switzerland"),
}

MODELS = {
    **_plain(  # Siemens: CT, PET/CT, MR
        "Emotion 6, Emotion 16, Sensation 4, Sensation 10, Sensation 16, Sensation 40, Sensation 64, Volume Zoom,"
        "SOMATOM Definition, SOMATOM Definition AS, SOMATOM Definition AS+, SOMATOM Definition Flash,"
        "SOMATOM Definition Edge, SOMATOM Drive, SOMATOM Force, SOMATOM go.Up, SOMATOM go.Now, SOMATOM go.Top,"
        "SOMATOM X.cite, SOMATOM Perspective, SOMATOM Scope, NAEOTOM Alpha, Biograph 6, Biograph 16, Biograph 40,"
        "Biograph 64, Biograph mCT, Biograph 128_mCT, Biograph Vision, Biograph_mMR, Aera, Avanto, Avanto_fit, Espree,"
        "Harmony, MAGNETOM Vida, MAGNETOM Sola, MAGNETOM Lumina, MAGNETOM Altea, Magnetom Essenza,"
        "Prisma, Prisma_fit, Skyra, Skyra_fit, Sonata, Spectra, Symphony, SymphonyTim, Terra, Trio, TrioTim, Verio"
    ),
    **_plain(  # GE
        "BrightSpeed, Discovery CT750 HD, Discovery 690, Discovery 710, Discovery IQ, Discovery MI, Discovery LS,"
        "Discovery RX, Discovery ST, Discovery STE, Discovery MR450, Discovery MR750, Discovery MR750w, GENESIS_SIGNA,"
        "HiSpeed CT/i, LightSpeed Plus, LightSpeed Pro 16, LightSpeed Pro 32, LightSpeed QX/i, LightSpeed RT,"
        "LightSpeed RT16, LightSpeed Ultra, LightSpeed VCT, LightSpeed16, Optima CT540, Optima CT660, Optima MR360,"
        "Optima MR450w, Revolution CT, Revolution EVO, Revolution HD, Revolution Apex, SIGNA Architect, SIGNA Artist,"
        "SIGNA EXCITE, SIGNA HDx, Signa HDxt, SIGNA PET/MR, SIGNA Pioneer, SIGNA Premier, SIGNA Voyager"
    ),
    **_plain(  # Philips
        "Achieva, Achieva dStream, Ambient, Brilliance 6, Brilliance 10, Brilliance 16, Brilliance 16P, Brilliance 40,"
        "Brilliance 64, Brilliance Big Bore, Elition, Gemini TF, GEMINI TF Big Bore, GEMINI TF TOF 16,"
        "GEMINI TF TOF 64, Gyroscan Intera, iCT 128, iCT 256, Incisive CT, Ingenia, Ingenia Ambition X,"
        "Ingenia Elition X, Ingenuity Core 128, Ingenuity CT, Ingenuity TF PET/CT, Intera, IQon - Spectral CT,"
        "Mx8000, Mx8000 IDT 16, Panorama HFO, Spectral CT 7500, Vereos PET/CT"
    ),
    **_plain(  # Canon, Toshiba, UIH, Hitachi, Fujifilm
        "Alexion, Aquilion, Aquilion ONE, Aquilion PRIME, Aquilion Prime SP, Aquilion Lightning, Aquilion Precision,"
        "Asteion, Vantage Galan, Vantage Orian, Vantage Titan, uCT 530, uCT 760, uCT 780, uCT 960+, uMI 510, uMI 780,"
        "uMR 560, uMR 570, uMR 770, uMR 780, uMR 790, Echelon Oval, SCENARIA"
    ),
}

_FILTERED = (
    *(10, 18, 19, 20, 21, 22, 23, 25, 26, 30, 31, 32, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50),
    *(60, 65, 70, 75, 80, 90),
)
_AREAS = ("Bf", "Bl", "Br", "Bv", "Hc", "Hf", "Hr", "Hv", "Qr")
_SHARPNESS = (32, 36, 38, 40, 42, 44, 48, 49, 51, 52, 54, 56, 57, 58, 59, 60, 62, 64, 68, 69, 72, 76, 80, 84, 89, 98)

KERNELS = {
    **_plain("SOFT, STANDARD, DETAIL, LUNG, BONE, BONEPLUS, EDGE, CHST, ULTRA"),  # GE
    **_plain(  # Philips
        "A, B, C, D, E, EA, EB, EC, L, SA, SB, SC, UA, UB, UC, YA, YB, YC, YD, YE, IMR1, XCA, XCB, XCC, Sharp, Smooth"
    ),
    **{f"FC{n:02d}": () for n in range(1, 87)},  # Canon, Toshiba
    **{f"B{n}{mode}": () for n in _FILTERED for mode in "fs"},  # Siemens, filtered back projection
    **{f"H{n}{mode}": () for n in _FILTERED for mode in "fhs"},
    **{f"{letter}{n}f": () for letter in "DIJ" for n in _FILTERED},
    **{f"{area}{n}{mode}": () for area in _AREAS for n in _SHARPNESS for mode in ("", "d", "f", "s")},
}

BODY_PARTS: dict[str, tuple[str, ...]] = {
    **_plain(
        "ABDOMENPELVIS, ADRENAL, ANKLE, AORTA, ARM, AXILLA, BACK, BLADDER, BRAIN, BREAST, BRONCHUS, BUTTOCK, CALCANEUS,"
        "CALF, CAROTID, CEREBELLUM, CHEST, CHESTABDOMEN, CHESTABDPELVIS, CIRCLEOFWILLIS, CLAVICLE, COCCYX, COLON,"
        "CORNEA, CORONARYARTERY, CSPINE, CTSPINE, DUODENUM, EAR, ELBOW, ESOPHAGUS, EYE, EYELID, FACE, FEMUR, FINGER,"
        "FOOT, FOREARM, GALLBLADDER, HAND, HEADNECK, HEART, HIP, HUMERUS, IAC, ILEUM, ILIUM, JAW, JEJUNUM, KIDNEY,"
        "KNEE, LARYNX, LEG, LIVER, LSPINE, LSSPINE, LUNG, MAXILLA, MEDIASTINUM, MOUTH, NECK, NECKCHEST,"
        "NECKCHESTABDOMEN, NECKCHESTABDPELV, NOSE, ORBIT, OVARY, PANCREAS, PAROTID, PATELLA, PELVIS, PENIS, PHARYNX,"
        "PROSTATE, RECTUM, RIB, SCALP, SCAPULA, SCLERA, SCROTUM, SELLA, SHOULDER, SINUS, SKULL, SPINE, SPLEEN, SSPINE,"
        "STERNUM, STOMACH, SUBMANDIBULAR, TESTIS, THIGH, THUMB, THYMUS, THYROID, TIBIA, TLSPINE, TMJ, TOE, TONGUE,"
        "TRACHEA, TSPINE, ULNA, URETER, URETHRA, UTERUS, VAGINA, VULVA, WHOLEBODY, WRIST, ZYGOMA"
    ),
    "ABDOMEN": ("ABD", "ABDOM"),
    "EXTREMITY": ("EXTREMITIES",),
    "HEAD": ("CRANIUM",),
    "THORAX": ("THX",),
}

_JPEG = "1.2.840.10008.1.2.4."
TRANSFER_SYNTAXES: dict[str, tuple[str, ...]] = {
    "1.2.840.10008.1.2": (),
    "1.2.840.10008.1.2.1": (),
    "1.2.840.10008.1.2.1.98": (),
    "1.2.840.10008.1.2.1.99": (),
    "1.2.840.10008.1.2.2": (),
    "1.2.840.10008.1.2.5": (),
    **{f"{_JPEG}{n}": () for n in (*range(50, 67), 70, 80, 81, *range(90, 96), *range(100, 109), *range(201, 206))},
    **{f"{_JPEG}{n}.1": () for n in range(100, 107)},
}
