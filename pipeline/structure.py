"""What a value of a label map means."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict, with_config


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Structure:
    """One structure of a label map, with its code in SNOMED CT.

    Attributes
    ----------
    value : of its voxels, at least 1; 0 is background
    name : lower-case words, such as ``left lung``
    code : SNOMED CT concept id, as in CID 7166 and others of DICOM PS3.16; None where there is none
    meaning : the code's meaning, as DICOM writes it; None: the name
    category : concept id of the category (CID 7150): by default an anatomical structure

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    value: int
    name: str
    code: str | None = None
    meaning: str | None = None
    category: str = "91723000"

    def __post_init__(self) -> None:
        if not 1 <= self.value <= 65535:
            raise ValueError("value must be 1 to 65535")
        if not self.name.strip():
            raise ValueError("name must not be empty")
        for field in ("code", "category"):
            concept = getattr(self, field)
            if concept is not None and not concept.isdecimal():
                raise ValueError(f"{field} must be a concept id of SNOMED CT: digits only")
