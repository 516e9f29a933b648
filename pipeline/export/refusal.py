"""Why an output of a volume was not exported, where the archive has no reason for it."""

from __future__ import annotations

from enum import StrEnum

from pipeline.reasons import MEANINGS, Reason


class Refusal(StrEnum):
    """One code for one cause."""

    NOT_MADE = "NOT_MADE"
    NO_SUCH_OUTPUT = "NO_SUCH_OUTPUT"
    NOT_DICOM = "NOT_DICOM"
    MULTIFRAME = "MULTIFRAME_SOURCE"
    MOVED = "MOVED"
    NOTHING_LABELLED = "NOTHING_LABELLED"
    TOO_MANY_LABELS = "TOO_MANY_LABELS"
    NAME_TAKEN = "NAME_TAKEN"


_TEXTS = {
    Refusal.NOT_MADE: "the recipe has not made it of the volume as it now stands: `scanmill run` first",
    Refusal.NO_SUCH_OUTPUT: "the recipe has published nothing of this name and kind",
    Refusal.NOT_DICOM: "the source is no DICOM series: a DICOM segmentation would refer to nothing",
    Refusal.MULTIFRAME: "the source is a multi-frame object, whose frames segmentations do not refer to yet",
    Refusal.MOVED: "the recipe moves what the volume shows: its labels do not lie where they lie in the patient",
    Refusal.NOTHING_LABELLED: "no voxel is labelled, and no structure is named",
    Refusal.TOO_MANY_LABELS: "a label is above 65535, which a DICOM segmentation cannot hold",
    Refusal.NAME_TAKEN: "a file of this name and other content is there already: see --overwrite",
}


def meaning(code: str) -> str:
    """In words, of a ``Refusal`` or of a ``Reason`` of the archive."""
    return _TEXTS[Refusal(code)] if code in set(Refusal) else MEANINGS[Reason(code)].text


class Refused(Exception):
    """This output of this volume is left out; the others go on."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(str(reason))
        self.reason = reason
