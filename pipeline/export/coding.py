"""Codes of SNOMED CT that say what a segment is, where the structure itself does not."""

from __future__ import annotations

CATEGORIES = {
    "123037004": "Anatomical Structure",
    "91723000": "Anatomical Structure",
    "85756007": "Tissue",
    "91720002": "Body Substance",
    "260787004": "Physical object",
    "49755003": "Morphologically Abnormal Structure",
    "246464006": "Function",
    "309825002": "Spatial and Relational Concept",
    "105590001": "Substance",
}
"""DICOM PS3.16 CID 7150, by concept id; the first is what T-D000A of SNOMED RT became, the second stands there now."""

UNSPECIFIC = "91723000"
"""Of a structure that has no code: an anatomical structure, of whatever kind."""
