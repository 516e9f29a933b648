"""What a segment or a region of interest can be, in words that may leave the hospital.

Codes and meanings are those of SNOMED CT in DICOM PS3.16 (CID 4031, 7151 to 7160, 7140); other spellings those of AAPM
TG-263 (Mayo et al., Int J Radiat Oncol 100, 2018) and what is often written in their place.
"""

from __future__ import annotations

from typing import NamedTuple


class Anatomy(NamedTuple):
    """A concept of SNOMED CT, or none, and how else its name is spelled."""

    code: str | None
    meaning: str | None
    spellings: tuple[str, ...] = ()


LEFT, RIGHT = "7771000", "24028007"
"""Laterality: DICOM PS3.16 CID 244."""

_PAIRED = """
adrenal gland; 23451007; Adrenal gland; Adrenal, Glnd_Adrenal
breast; 76752008; Breast
caudate nucleus; 11000004; Caudate Nucleus
clavicle; 51299004; Clavicle
eye; 81745001; Eye
eyeball; 79652003; Eyeball
femur; 71341001; Femur
globus pallidus; 14738005; Globus Pallidus; Pallidum
hippocampus; 5366008; Hippocampus; Hippo
hip; 29836001; Hip
humerus; 85050009; Humerus
kidney; 64033007; Kidney
lacrimal gland; 13561001; Lacrimal gland; Glnd_Lacrimal
lens; 78076003; Lens
lung; 39607008; Lung
optic nerve; 18234004; optic nerve; OpticNrv, Nervus opticus
ovary; 15497006; Ovary
parotid gland; 45289007; Parotid gland; Parotid, Glnd_Parotid
putamen; 89278009; Putamen
rib; 113197003; Rib
scapula; 79601000; Scapula
submandibular gland; 54019009; Submandibular gland; Submandibular, Glnd_Submand
testis; 40689003; Testis
thalamus; 42695009; Thalamus
ureter; 87953007; Ureter
"""

_SINGLE = """
anus; 53505006; Anus
aorta; 15825003; Aorta; A_Aorta
artery; 51114001; Artery
bladder; 89837001; Bladder; urinary bladder
blood; 87612001; Blood
body; 38266002; Entire body; External, Skin outline, Body outline
bone; 272673000; Bone
brain; 12738006; Brain
brain stem; 119238007; Brain Stem
bronchus; 955009; Bronchus
cerebellum; 113305005; Cerebellum
cerebrospinal fluid; 65216001; Cerebrospinal Fluid; CSF
cervix; 71252005; Cervix; Cervix uteri
colon; 71854001; Colon
cyst; 367643001; Cyst
diaphragm; 5798000; Diaphragm
duodenum; 38848004; Duodenum
edema; 79654002; Edema; oedema
esophagus; 32849002; Esophagus; oesophagus
fat; 55603005; Fat; adipose tissue
gallbladder; 28231008; Gallbladder
gray matter; 389081007; Gray Matter; grey matter
heart; 80891009; Heart
hemorrhage; 50960005; Hemorrhage; haemorrhage
inferior vena cava; 64131007; Inferior vena cava; IVC, V_Venacava_I
large intestine; 14742008; Large intestine; Bowel_Large
larynx; 4596009; Larynx
left atrium; 82471001; Left atrium; Atrium_L
left ventricle; 87878005; Left ventricle; Ventricle_L
lesion; 52988006; Lesion
lip; 48477009; Lip; Lips
liver; 10200004; Liver
lymph node; 59441001; Lymph Node; LN
mandible; 91609006; Mandible; Bone_Mandible
mass; 4147007; Mass
mediastinum; 72410000; Mediastinum
middle lobe of right lung; 72481006; Middle lobe of right lung; Lung_RML
muscle; 91727004; Muscle
necrosis; 6574001; Necrosis
neoplasm; 108369006; Neoplasm; Tumor, Tumour
nerve; 91728009; Nerve
nodule; 27925004; Nodule
optic chiasm; 244453006; Optic chiasm; OpticChiasm, Chiasm
oral cavity; 74262004; oral cavity; Cavity_Oral
organ; 91772007; Organ
pancreas; 15776009; Pancreas
pelvis; 816092008; Pelvis
pharynx; 54066008; Pharynx
pituitary; 56329008; Pituitary; Pituitary gland, Hypophysis
portal vein; 32764006; Portal vein; V_Portal
primary neoplasm; 372087000; Neoplasm, Primary; primary tumor, primary tumour
prostate; 41216001; Prostate
pulmonary artery; 81040000; Pulmonary artery; A_Pulmonary
rectum; 34402009; Rectum
right atrium; 73829009; Right atrium; Atrium_R
right ventricle; 53085002; Right ventricle; Ventricle_R
sacrum; 54735007; Sacrum
secondary neoplasm; 14799000; Neoplasm, Secondary; metastasis
seminal vesicle; 64739004; Seminal Vesicle; SeminalVes
skin; 39937001; Skin
skull; 89546000; Skull
small intestine; 30315005; Small intestine; Bowel_Small
soft tissue; 87784001; Soft tissue
spinal cord; 2748008; Spinal cord; SpinalCord, Cord
spine; 421060004; Spine
spleen; 78961009; Spleen
sternum; 56873002; Sternum
stomach; 69695003; Stomach
superior vena cava; 48345005; Superior vena cava; SVC, V_Venacava_S
thyroid; 69748006; Thyroid; Thyroid gland, Glnd_Thyroid
tissue; 85756007; Tissue
tongue; 21974007; Tongue
trachea; 44567001; Trachea
urethra; 13648007; Urethra
uterus; 35039007; Uterus
vagina; 76784001; Vagina
vein; 29092000; Vein
vertebra; 51282000; Vertebra
white matter; 389080008; White Matter
"""

_OWN = {"left lung": ("44029006", "Left lung"), "right lung": ("3341006", "Right lung")}
"""Sides that have a concept of their own, as the packaged models name them."""

_VOLUMES = {
    "gross tumor volume": ("GTV", "GTVp", "gross tumour volume"),
    "clinical target volume": ("CTV", "CTVp"),
    "planning target volume": ("PTV", "PTVp"),
    "bolus": (),
    "support": ("Couch",),
    "cavity": (),
    "contrast agent": (),
}

KINDS = {
    "GTV": "gross tumor volume",
    "CTV": "clinical target volume",
    "PTV": "planning target volume",
    "EXTERNAL": "body",
    "BOLUS": "bolus",
    "SUPPORT": "support",
    "CAVITY": "cavity",
    "CONTRAST_AGENT": "contrast agent",
}
"""RT ROI Interpreted Types (DICOM PS3.3 C.8.8.8.1) that say what something is: ORGAN and the like do not."""


def _rows(table: str) -> dict[str, Anatomy]:
    found = {}
    for line in table.strip().splitlines():
        name, code, meaning, *others = (part.strip() for part in line.split(";"))
        found[name] = Anatomy(code, meaning, tuple(o.strip() for o in others[0].split(",")) if others else ())
    return found


def _sided(paired: dict[str, Anatomy]) -> dict[str, Anatomy]:
    """Both sides: ``left kidney``, as TG-263 has it ``Kidney_L``, and ``Kidney left``."""
    found = {}
    for name, anatomy in paired.items():
        for side in ("left", "right"):
            words = (name, *anatomy.spellings)
            spellings = [f"{side} {word}" for word in anatomy.spellings]
            spellings += [f"{word} {end}" for word in words for end in (side, side[0].upper())]
            code, meaning = _OWN.get(f"{side} {name}", (anatomy.code, anatomy.meaning))
            found[f"{side} {name}"] = Anatomy(code, meaning, tuple(spellings))
    return found


_BOTH = _rows(_PAIRED)
ANATOMY: dict[str, Anatomy] = {
    **_rows(_SINGLE),
    **_BOTH,
    **_sided(_BOTH),
    **{name: Anatomy(None, None, spellings) for name, spellings in _VOLUMES.items()},
}
"""Published name -> what it is."""

BY_CODE = {anatomy.code: name for name, anatomy in {**_sided(_BOTH), **_BOTH, **_rows(_SINGLE)}.items() if anatomy.code}
"""SNOMED CT concept id -> published name."""
