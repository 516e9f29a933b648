"""Enhanced objects: what the header says of every frame is what the functional groups say, or the object is refused."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Facets, Header
from pipeline.archive.formats.limits import Limits
from pipeline.archive.formats.voxels import stored
from pipeline.reasons import Reason
from tests.archive import makers
from tests.archive.formats.verdicts import accepted, refused
from tests.archive.multiframe import enhanced, item, placed, shared

SYNTAXES = ["1.2.840.10008.1.2.1", *map(str, (ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless))]


@pytest.mark.parametrize("syntax", [*SYNTAXES, str(DeflatedExplicitVRLittleEndian)])
def test_frames_in_any_order_and_syntax(tmp_path: Path, child: Child, syntax: str) -> None:
    frame = makers.affine(oblique=True)
    order = random.Random(1).sample(range(6), 6)
    pixels = makers.voxels((6, 8, 8))

    def compress(ds: Dataset) -> None:
        if syntax == RLELossless:
            ds.compress(RLELossless)

    native = SYNTAXES[0] if syntax == RLELossless else syntax
    path = enhanced(
        tmp_path / "a.dcm", [placed(k, frame) for k in order], shared(oblique=True), pixels, compress, native
    )
    header = accepted(child, path)
    assert header.shape == (6, 8, 8)
    assert header.spacing_source == "pixel"
    assert Header.from_json(header.to_json()) == header
    for n, k in enumerate(order):
        part = header.part(n)
        assert part.position == pytest.approx((frame @ (k, 0, 0, 1))[:3], abs=1e-9)
        assert part.orientation == tuple(makers.orientation(True).ravel())
        assert (part.spacing, part.slice_thickness) == ((0.8, 0.8), 2.5)
        assert (part.slope, part.intercept, part.rescale_stated, part.rescale_type) == (1.0, -1024.0, True, "HU")
        assert part.shape == (1, 8, 8)
    chosen = [4, 0, 1]
    assert np.array_equal(stored(path, header, child, parts=chosen), pixels[chosen])


def test_a_frame_overrides_what_all_frames_share(tmp_path: Path, child: Child) -> None:
    own = {
        "PlaneOrientationSequence": {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]},
        "PixelMeasuresSequence": {"PixelSpacing": [0.5, 0.25]},
        "PixelValueTransformationSequence": {"RescaleSlope": "0.5", "RescaleIntercept": 3, "RescaleType": "US"},
        "FrameVOILUTSequence": {"WindowCenter": 7, "WindowWidth": 9},
        "CTReconstructionSequence": {"ConvolutionKernel": "SHARP"},
        "MRImageFrameTypeSequence": {"FrameType": ["ORIGINAL", "PRIMARY", "T1", "NONE"]},
    }
    header = accepted(child, enhanced(tmp_path / "a.dcm", [placed(0), {**placed(1), **own}]))
    first, second = header.frames
    assert (first.spacing, first.slope, first.intercept, first.window) == ((0.8, 0.8), 1.0, -1024.0, None)
    assert (second.spacing, second.slice_thickness) == ((0.5, 0.25), None)
    assert (second.slope, second.intercept, second.rescale_type) == (0.5, 3.0, "US")
    assert (second.window, second.kernel) == ((7.0, 9.0), "SHARP")
    assert second.orientation == (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
    assert first.image_type == ("ORIGINAL", "PRIMARY", "AXIAL")
    assert second.image_type == ("ORIGINAL", "PRIMARY", "T1", "NONE")


FACETS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"FrameContentSequence": {"StackID": "2"}}, {"stack": "2"}),
    ({"FrameContentSequence": {"TemporalPositionIndex": 70_000}}, {"temporal_position": 70_000}),
    ({"FrameContentSequence": {"FrameAcquisitionNumber": 3}}, {"acquisition": 3}),
    ({"FrameContentSequence": {"FrameAcquisitionDateTime": "19700101000001.5"}}, {"acquired_s": 1.5}),
    ({"MREchoSequence": {"EffectiveEchoTime": 12.25}}, {"echo_ms": 12.25}),
    ({"MRModifierSequence": {"InversionTimes": [900.0, 1800.0]}}, {"inversion_ms": 900.0}),
    ({"MRModifierSequence": {"InversionTime": "850"}}, {"inversion_ms": 850.0}),
    ({"MRDiffusionSequence": {"DiffusionBValue": 1000.0}}, {"b_value": 1000.0}),
    (
        {
            "MRDiffusionSequence": {
                "DiffusionBValue": 700.0,
                "DiffusionGradientDirectionSequence": {"DiffusionGradientOrientation": [0.6, 0.0, -0.8]},
            }
        },
        {"b_value": 700.0, "gradient": (0.6, 0.0, -0.8)},
    ),
    ({"CardiacSynchronizationSequence": {"NominalCardiacTriggerDelayTime": 125.0}}, {"trigger_ms": 125.0}),
    ({"RespiratorySynchronizationSequence": {"NominalRespiratoryTriggerDelayTime": 40.0}}, {"trigger_ms": 40.0}),
    ({"MRImageFrameTypeSequence": {"ComplexImageComponent": "PHASE"}}, {"component": "P"}),
    ({"MRImageFrameTypeSequence": {"ComplexImageComponent": "MIXED"}}, {}),
    ({"CTXRayDetailsSequence": {"KVP": 80}}, {"energy_kev": 80.0}),
    (
        {"UnassignedPerFrameConvertedAttributesSequence": {"EchoTime": 4, "TriggerTime": 9, "DiffusionBValue": 5.0}},
        {"echo_ms": 4.0, "trigger_ms": 9.0, "b_value": 5.0},
    ),
]


@pytest.mark.parametrize(("groups", "facets"), FACETS)
@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("syntax", [SYNTAXES[0], SYNTAXES[1]])
def test_every_facet(
    tmp_path: Path, child: Child, groups: dict[str, Any], facets: dict[str, Any], everywhere: bool, syntax: str
) -> None:
    frames = [placed(k) if everywhere else {**placed(k), **groups} for k in range(2)]
    path = enhanced(tmp_path / "a.dcm", frames, shared() | (groups if everywhere else {}), syntax=syntax)
    header = accepted(child, path)
    assert [frame.facets for frame in header.frames] == [Facets(**facets, number=n) for n in (1, 2)]


def test_the_frames_of_several_objects_keep_one_order(tmp_path: Path, child: Child) -> None:
    frames = [placed(k) for k in range(3)]
    second = accepted(child, enhanced(tmp_path / "a.dcm", frames, InstanceNumber=2))
    assert [frame.facets.number for frame in second.frames] == [4, 5, 6]
    piece = accepted(child, enhanced(tmp_path / "b.dcm", frames, InstanceNumber=2, ConcatenationFrameOffsetNumber=100))
    assert [frame.facets.number for frame in piece.frames] == [101, 102, 103]


def test_an_object_of_one_frame(tmp_path: Path, child: Child) -> None:
    header = accepted(child, enhanced(tmp_path / "a.dcm", [placed(3)]))
    assert header.position is None
    assert header.part(0).position == pytest.approx(makers.affine()[:3, 3] + (0, 0, 7.5))


def test_the_top_level_places_no_frame_but_its_rescale_counts(tmp_path: Path, child: Child) -> None:
    path = enhanced(
        tmp_path / "a.dcm",
        [placed(0), placed(1)],
        {},
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        PixelSpacing=[1, 1],
        RescaleSlope=2,
        RescaleIntercept=-7,
    )
    for frame in accepted(child, path).frames:
        assert (frame.orientation, frame.spacing) == (None, None)
        assert (frame.slope, frame.intercept) == (2.0, -7.0)


def _two(**more: Any) -> dict[str, Any]:
    return {"per_frame": [placed(0), placed(1)], **more}


def _scaled(**values: Any) -> dict[str, Any]:
    return _two(of_all=shared() | {"PixelValueTransformationSequence": values})


def _kinds(*values: str, **more: Any) -> dict[str, Any]:
    kinds = [{"FrameType": ["ORIGINAL", "PRIMARY", value, "NONE"], **more} for value in values]
    return {"per_frame": [{**placed(k), "MRImageFrameTypeSequence": kind} for k, kind in enumerate(kinds)]}


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (_two(), None),
        (_two(NumberOfFrames=1, pixels=makers.voxels((1, 8, 8))), Reason.UNREADABLE),
        (_two(NumberOfFrames=3, pixels=makers.voxels((3, 8, 8))), Reason.UNREADABLE),
        (_two(NumberOfFrames=None), Reason.UNREADABLE),
        (_two(NumberOfFrames=65_537, Rows=1, Columns=1), Reason.BOMB_DECLARED),
        (_two(NumberOfFrames=0), Reason.UNREADABLE),
        (_two(PerFrameFunctionalGroupsSequence=None), Reason.MULTIFRAME),
        (_two(PerFrameFunctionalGroupsSequence=Items([])), Reason.UNREADABLE),
        (_two(SharedFunctionalGroupsSequence=None), None),
        (_two(SharedFunctionalGroupsSequence=Items([])), None),
        ({"per_frame": [{}, {}]}, Reason.MULTIFRAME),
        ({"per_frame": [placed(0), {}]}, None),
        (_scaled(RescaleSlope=0, RescaleIntercept=0), Reason.UNREADABLE),
        (_scaled(RescaleSlope="1e30", RescaleIntercept=0), Reason.UNREADABLE),
        (_scaled(RescaleSlope=2), None),
        (_kinds("LOCALIZER", "LOCALIZER"), Reason.LOCALIZER),
        (_kinds("LOCALIZER", "T1"), None),
        (_kinds("T1", "T1", VolumeBasedCalculationTechnique="MAX_IP"), Reason.PROJECTION),
        (_two(VolumeBasedCalculationTechnique="MIN_IP"), Reason.PROJECTION),
        (_two(ImageType=["DERIVED", "PRIMARY", "LOCALIZER", "NONE"]), Reason.LOCALIZER),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_reasons(tmp_path: Path, child: Child, facts: dict[str, Any], reason: Reason | None) -> None:
    assert refused(child, enhanced(tmp_path / "a.dcm", **facts)) is reason


def test_a_refused_object_keeps_its_identity(tmp_path: Path, child: Child) -> None:
    (parsed,) = child.headers([enhanced(tmp_path / "a.dcm", [placed(0), placed(1)], NumberOfFrames=5)])
    assert parsed.header is not None
    assert (parsed.header.series, parsed.header.shape, parsed.header.frames) == (makers.uid("series"), (5, 8, 8), ())


@pytest.mark.parametrize("syntax", SYNTAXES[:3])
def test_an_object_cut_anywhere_never_passes(tmp_path: Path, child: Child, syntax: str) -> None:
    whole = enhanced(tmp_path / "whole", [placed(0), placed(1)], syntax=syntax).read_bytes()
    pieces = [tmp_path / f"{cut}" for cut in range(132, len(whole), 3)]
    for piece in pieces:
        piece.write_bytes(whole[: int(piece.name)])
    for piece, parsed in zip(pieces, child.headers(pieces), strict=True):
        assert parsed.reason in (Reason.TRUNCATED, Reason.UNREADABLE), piece.name


def test_changed_bytes_of_the_groups_are_read_or_refused(tmp_path: Path, child: Child) -> None:
    whole = enhanced(tmp_path / "whole", [placed(k) for k in range(4)]).read_bytes()
    groups = range(whole.index(b"\x00\x52\x29\x92"), len(whole) - 512)
    rng = random.Random(3)
    pieces = [tmp_path / f"{n}" for n in range(300)]
    for piece in pieces:
        bad = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            bad[rng.choice(groups)] = rng.randrange(256)
        piece.write_bytes(bad)
    for parsed in child.headers(pieces):
        assert parsed.reason in (None, Reason.UNREADABLE, Reason.TRUNCATED, Reason.MULTIFRAME, Reason.NO_PIXELS)
        if parsed.reason is None:
            assert parsed.header is not None
            assert len(parsed.header.frames) == 4


def test_groups_nested_without_end_cost_their_bytes(tmp_path: Path, child: Child) -> None:
    whole = enhanced(tmp_path / "whole", [placed(0), placed(1)]).read_bytes()
    at = whole.index(b"\x00\x52\x29\x92")
    depth = 20_000
    bomb = (b"\x00\x52\x01\x92SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff") * depth
    ends = (b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0") * depth
    deep, open_ended = tmp_path / "deep", tmp_path / "open"
    deep.write_bytes(whole[:at] + bomb + ends + whole[at:])
    open_ended.write_bytes(whole[:at] + bomb + whole[at:])
    assert len(accepted(child, deep).frames) == 2
    assert refused(child, open_ended) is Reason.TRUNCATED


@pytest.mark.filterwarnings("ignore:The value length")
def test_a_sequence_that_became_unknown_on_its_way(tmp_path: Path, child: Child) -> None:
    # DICOM PS3.5 6.2.2, note 2: what is UN and of undefined length is written in implicit VR.  There 0x5344 is a
    # length; in explicit VR it reads "DS".
    frames = [{**placed(k), "FrameContentSequence": {"FrameComments": "x" * 0x5344, "StackID": "2"}} for k in range(2)]
    path = enhanced(tmp_path / "a.dcm", [placed(0), placed(1)])
    explicit = path.read_bytes()
    implicit = enhanced(tmp_path / "b.dcm", frames, syntax=SYNTAXES[1]).read_bytes()
    begin, end = b"\x00\x52\x30\x92", b"\xe0\x7f\x10\x00"
    groups = implicit[implicit.index(begin) + 8 : implicit.index(end)]
    unknown = begin + b"UN\0\0\xff\xff\xff\xff" + groups + b"\xfe\xff\xdd\xe0\0\0\0\0"
    path.write_bytes(explicit[: explicit.index(begin)] + unknown + explicit[explicit.index(end) :])
    expected = [(makers.affine() @ (k, 0, 0, 1))[:3].tolist() for k in range(2)]
    found = accepted(child, path).frames
    assert [list(frame.position or ()) for frame in found] == expected
    assert [frame.facets.stack for frame in found] == ["2", "2"]


def test_shared_groups_after_those_of_the_frames_are_not_passed_over(tmp_path: Path, child: Child) -> None:
    path = enhanced(tmp_path / "a.dcm", [placed(0), placed(1)])
    whole = path.read_bytes()
    a, b, c = (whole.index(mark) for mark in (b"\x00\x52\x29\x92", b"\x00\x52\x30\x92", b"\xe0\x7f\x10\x00OW"))
    path.write_bytes(whole[:a] + whole[b:c] + whole[a:b] + whole[c:])
    assert refused(child, path) is Reason.UNREADABLE
    path.write_bytes(whole[:c] + whole[b:c] + whole[c:])
    assert refused(child, path) is Reason.UNREADABLE


def test_many_frames(tmp_path: Path) -> None:
    count = 4000
    path = enhanced(tmp_path / "a.dcm", [placed(0)], pixels=makers.voxels((1, 2, 2)), NumberOfFrames=f"{count:<6}")
    whole = path.read_bytes()
    begin, end = whole.index(b"\x00\x52\x30\x92") + 12, whole.index(b"\xe0\x7f\x10\x00OW")
    items, size = whole[begin:end] * count, (8 * count).to_bytes(4, "little")
    path.write_bytes(
        whole[: begin - 4] + len(items).to_bytes(4, "little") + items + whole[end : end + 8] + size + bytes(8 * count)
    )
    with Child(Limits(frames=count)) as child:
        assert len(accepted(child, path).frames) == count
    with Child(Limits(frames=count - 1)) as child:
        assert refused(child, path) is Reason.BOMB_DECLARED


def test_an_item_of_the_maker_is_what_it_says() -> None:
    assert item({"PlanePositionSequence": {"ImagePositionPatient": [1, 2, 3]}}).PlanePositionSequence[0]
