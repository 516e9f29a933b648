"""The closed vocabularies: the only form in which header text may leave the hospital.

A term that is none of a vocabulary becomes ``other-`` and a token made with the key of the vault: equal
texts share a token, and nobody can read the text from it.  Published as ``schemas/vocab/*.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import yaml

from pipeline.archive.anatomy import ANATOMY
from pipeline.archive.vault import Vault
from pipeline.terms import BODY_PARTS, KERNELS, MANUFACTURERS, MODALITIES, MODELS, TRANSFER_SYNTAXES

_TOKEN_DIGITS = 8


@dataclass(frozen=True)
class Vocabulary:
    """Published terms, each with the other spellings that mean it; case and punctuation (but +) never matter.

    >>> vendors = Vocabulary("manufacturer", "Maker of the device.", {"GE": ("GE MEDICAL SYSTEMS",)})
    >>> vendors.term("Ge Medical-Systems")
    'GE'
    """

    name: str
    about: str
    terms: Mapping[str, tuple[str, ...]]

    @cached_property
    def _known(self) -> dict[str, str]:
        return {_bare(s): term for term, spellings in self.terms.items() for s in (term, *spellings)}

    def term(self, text: str) -> str | None:
        """The published term for a text, None where there is none.  Of several values the first counts."""
        return self._known.get(_bare(text.split("\\")[0]))

    def published(self, text: str, vault: Vault) -> str | None:
        """The term, else ``other-`` and a token; None for an empty text."""
        bare = _bare(text)
        if not bare:
            return None
        return self.term(text) or f"other-{vault.pseudonym(self.name, bare)[:_TOKEN_DIGITS]}"

    def document(self) -> str:
        """As published: YAML, terms in alphabetical order."""
        terms = {term: list(self.terms[term]) for term in sorted(self.terms)}
        content = {"name": self.name, "about": self.about, "terms": terms}
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


MODALITY = Vocabulary("modality", "Modality (0008,0060), DICOM PS3.3 C.7.3.1.1.1.", MODALITIES)
MANUFACTURER = Vocabulary("manufacturer", "Manufacturer (0008,0070).", MANUFACTURERS)
MODEL = Vocabulary("model", "Manufacturer's Model Name (0008,1090).", MODELS)
KERNEL = Vocabulary("kernel", "Convolution Kernel (0018,1210).", KERNELS)
BODY_PART = Vocabulary("body_part", "Body Part Examined (0018,0015), DICOM PS3.16 Annex L.", BODY_PARTS)
TRANSFER_SYNTAX = Vocabulary("transfer_syntax", "Transfer Syntax UID, DICOM PS3.6 Annex A.", TRANSFER_SYNTAXES)
STRUCTURE = Vocabulary(
    "structure",
    "Segments and regions of interest: by SNOMED CT code of DICOM PS3.16, by name as AAPM TG-263 has it.",
    {name: anatomy.spellings for name, anatomy in ANATOMY.items()},
)

VOCABULARIES = (MODALITY, MANUFACTURER, MODEL, KERNEL, BODY_PART, TRANSFER_SYNTAX, STRUCTURE)


def documents() -> dict[str, str]:
    """The files below ``schemas/``: path -> text."""
    return {f"vocab/{v.name}.yaml": v.document() for v in VOCABULARIES}


def _bare(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum() or c == "+")
