"""Names of volumes and of what they are read from: never one name for two, whatever a header leaves out or overdoes."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from pipeline.archive.scan import scan
from pipeline.archive.vault import Vault
from tests.archive import makers, multiframe


def test_two_echoes_without_instance_uids_are_two_volumes(src: Path, vault: Vault) -> None:
    for n, pixels in enumerate(makers.voxels((12, 8, 8))):
        place = [0, 0, 2.5 * (n % 6)]
        ds = makers.dataset(pixels, Modality="MR", EchoTime=n // 6 + 1, ImagePositionPatient=place, SOPInstanceUID="")
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.file_meta.MediaStorageSOPInstanceUID = makers.uid(n)
        ds.save_as(src / f"{n}.dcm", implicit_vr=False, little_endian=True)
    rows = scan([src], vault).stacks.to_pylist()
    assert [row["n_slices"] for row in rows] == [6, 6]
    assert len({row["volume_id"] for row in rows}) == len({row["stack_id"] for row in rows}) == 2


def test_copies_whose_frames_lie_elsewhere_are_a_conflict(src: Path, vault: Vault) -> None:
    multiframe.enhanced(src / "a" / "x.dcm", [multiframe.placed(k) for k in range(4)])
    multiframe.enhanced(src / "b" / "x.dcm", [multiframe.placed(2 * k) for k in range(4)])
    files = scan([src], vault).files.to_pylist()
    assert {file["reason"] for file in files} == {"DUPLICATE_SOP_CONFLICT"}


def test_copies_that_say_to_be_of_another_echo_are_a_conflict(src: Path, vault: Vault) -> None:
    for folder, echo in (("a", 1.0), ("b", 2.0)):
        makers.ct_series(src / folder, 4, (8, 8), Modality="MR", EchoTime=echo)
    files = scan([src], vault).files.to_pylist()
    assert {file["reason"] for file in files} == {"DUPLICATE_SOP_CONFLICT"}


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a"), ("z", "k")])
def test_which_of_two_copies_is_kept_is_not_a_matter_of_names(src: Path, vault: Vault, names: tuple[str, str]) -> None:
    """Two sets of copies that differ in the kernel: all images are kept of one of them, always the same."""
    for folder, kernel in zip(names, ("B30f", "B70f"), strict=True):
        makers.ct_series(src / folder, 4, (8, 8), ConvolutionKernel=kernel)
    (row,) = scan([src], vault).stacks.to_pylist()
    assert (row["verdict"], row["kernel"]) == ("accepted", "B30f")


def test_a_volume_that_turns_out_to_be_a_part_is_another_edition(src: Path, vault: Vault) -> None:
    """The images behind a gap came late: those before it are what they were, but no longer all."""
    late = makers.ct_series(src, 9, (8, 8))[4:]
    kept = [path.read_bytes() for path in late]
    for path in late:
        path.unlink()
    (before,) = scan([src], vault).stacks.to_pylist()
    for path, data in list(zip(late, kept, strict=True))[1:]:
        path.write_bytes(data)
    after = {row["volume_id"]: row for row in scan([src], vault).stacks.to_pylist()}
    assert before["partial"] is None
    assert after[before["volume_id"]]["partial"] == "MISSING_SLICE"
    assert after[before["volume_id"]]["edition"] != before["edition"]


@pytest.mark.parametrize("number", ["-1e30", "1e300"])
def test_a_number_beyond_all_bounds_does_not_end_the_scan(src: Path, vault: Vault, number: str) -> None:
    def edit(_: int, ds: Dataset) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ds.add(DataElement(0x00200100, "LO", number))

    makers.ct_series(src / "a", 4, (8, 8), edit=edit)
    makers.ct_series(src / "b", 4, (8, 8), seed=1)
    rows = scan([src], vault).stacks.to_pylist()
    assert [row["verdict"] for row in rows] == ["accepted", "accepted"]
