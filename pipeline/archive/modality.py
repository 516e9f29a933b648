"""The modality of images whose header states none: BIDS sidecar, BIDS suffix, or what the user says."""

from __future__ import annotations

import os
import re

from pipeline.archive.formats.opening import opened
from pipeline.archive.index import File, Index
from pipeline.archive.vault import Vault
from pipeline.errors import Quarantine

_SUFFIXES = {
    **dict.fromkeys(
        "T1w T2w T1rho T1map T2map T2star T2starw T2starmap FLAIR FLASH PD PDw PDT2 PDmap R1map R2map R2starmap "
        "inplaneT1 inplaneT2 angio UNIT1 MP2RAGE MTR MTsat SWI bold cbv sbref dwi asl m0scan epi phasediff phase1 "
        "phase2 magnitude magnitude1 magnitude2 fieldmap".lower().split(),
        "MR",
    ),
    "ct": "CT",
    "pet": "PT",
}
"""BIDS 1.10, appendix "Suffixes"; CT is in wide use though not a part of it.  In lower case."""

_SIDECAR_BYTES = 1 << 20
_STATED = re.compile(rb'"Modality"\s*:\s*"([A-Z]{2,16})"')


def modality(file: File, index: Index, vault: Vault) -> str:
    """From the sidecar, else the suffix, else ""."""
    return _of_sidecar(file, index, vault) or _of_name(file)


def _of_name(file: File) -> str:
    stem = os.path.basename(file.path).split(b".")[0].decode("utf-8", "replace")
    return _SUFFIXES.get(stem.rpartition("_")[2].lower(), "") if "_" in stem else ""


def _of_sidecar(file: File, index: Index, vault: Vault) -> str:
    """A pattern is looked for, in the first MiB of a file that this scan met; nothing is parsed (law L8)."""
    folder, name = os.path.split(file.path)
    place = index.met(vault.pseudonym("file", os.path.join(folder, name.split(b".")[0] + b".json")))
    if place is None:
        return ""
    try:
        with opened(place) as sidecar:
            stated = _STATED.search(sidecar.read(_SIDECAR_BYTES))
    except (OSError, Quarantine):
        return ""
    return stated.group(1).decode("ascii") if stated else ""
