"""What an enhanced object says of its frames, by the functional groups of DICOM PS3.3 C.7.6.16.2.

A functional group stands in the item of its frame, or once for all frames; where both are there the frame's own
counts.  What no group states is not stated: a position at the top level places no frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pipeline.archive.formats import philips, tags
from pipeline.archive.formats.dataset import Wanted
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.facets import CLASSIC, COMPONENTS, facets
from pipeline.archive.formats.header import Facets, Frame
from pipeline.archive.formats.pet import datetime_s
from pipeline.archive.formats.scaling import scaling
from pipeline.archive.formats.voi import window
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_NONE = Elements({})

FRAME_TYPE = 0x00089007
DIRECTIONS = 0x00189076
INVERSION_TIMES = 0x00189079
ACQUIRED = 0x00189074
ACQUISITION = 0x00209156
RESPIRATORY_DELAY = 0x00209255

ECHO = 0x00189114
MODIFIER = 0x00189115
DIFFUSION = 0x00189117
CARDIAC = 0x00189118
MR_TYPE = 0x00189226
RECONSTRUCTION = 0x00189314
XRAY_DETAILS = 0x00189325
CT_TYPE = 0x00189329
XRAY_3D_TYPE = 0x00189504
PET_TYPE = 0x00189751
CONTENT = 0x00209111
POSITION = 0x00209113
ORIENTATION = 0x00209116
CONVERTED_SHARED = 0x00209170
CONVERTED = 0x00209171
RESPIRATORY = 0x00209253
MEASURES = 0x00289110
VOI = 0x00289132
VALUES = 0x00289145

_TYPES = (MR_TYPE, CT_TYPE, PET_TYPE, XRAY_3D_TYPE)


def _values(*wanted: int) -> Wanted:
    return dict.fromkeys(wanted)


GROUPS: Wanted = {
    **dict.fromkeys(_TYPES, _values(FRAME_TYPE, tags.CALCULATION, tags.COMPLEX_COMPONENT)),
    ECHO: _values(tags.EFFECTIVE_ECHO_TIME),
    MODIFIER: _values(INVERSION_TIMES, tags.INVERSION_TIME),
    DIFFUSION: {tags.B_VALUE: None, DIRECTIONS: _values(tags.GRADIENT)},
    CARDIAC: _values(tags.CARDIAC_DELAY),
    RESPIRATORY: _values(RESPIRATORY_DELAY),
    RECONSTRUCTION: _values(tags.CONVOLUTION_KERNEL),
    XRAY_DETAILS: _values(tags.KVP, tags.ENERGY_EQUIVALENT),
    CONTENT: _values(ACQUIRED, ACQUISITION, tags.STACK, tags.TEMPORAL_INDEX),
    POSITION: _values(tags.POSITION),
    ORIENTATION: _values(tags.ORIENTATION),
    MEASURES: _values(tags.PIXEL_SPACING, tags.SLICE_THICKNESS),
    VOI: _values(tags.WINDOW_CENTER, tags.WINDOW_WIDTH, tags.VOI_FUNCTION, tags.VOI_LUT),
    VALUES: _values(tags.SLOPE, tags.INTERCEPT, tags.RESCALE_TYPE),
    **dict.fromkeys((CONVERTED_SHARED, CONVERTED), CLASSIC),
    philips.GROUP: philips.IN_GROUP,
}
"""What is read of an item of the shared or the per-frame functional groups."""


def frames(items: Iterable[Elements], top: Elements, count: int) -> Iterator[Frame]:
    """Of ``count`` frames what each states, by the per-frame ``items`` and what stands at the top of the data set.

    Raises Quarantine(UNREADABLE) where there are not ``count`` items, or a rescale cannot be meant.
    """
    shared = top.item(tags.SHARED_GROUPS) or _NONE
    before = _before(top, count)
    found = 0
    for found, item in enumerate(items, 1):
        if found > count:
            break
        yield _frame(_Groups(item.raw, shared.raw), top, before + found)
    if found != count:
        raise Quarantine(Reason.UNREADABLE)


class _Groups:
    """The item of a functional group: the frame's own, else that of all frames, else one that says nothing."""

    def __init__(self, own: Mapping[int, object], shared: Mapping[int, object]) -> None:
        self._own = own
        self._shared = shared

    def __call__(self, tag: int) -> Elements:
        items = self._own.get(tag) or self._shared.get(tag)
        return items[0] if isinstance(items, list) and items else _NONE


def _before(top: Elements, count: int) -> int:
    """Frames before the first, so that those of several objects stay in one order.

    Concatenation Frame Offset Number (PS3.3 C.7.6.16.2.2.4), else as if the instances before had as many frames.
    """
    offset, instance = top.count(tags.FRAME_OFFSET), top.whole(tags.INSTANCE_NUMBER)
    return offset if offset is not None else ((instance or 1) - 1) * count


def _frame(group: _Groups, top: Elements, number: int) -> Frame:
    measures, kind = group(MEASURES), _kind(group)
    spacing = measures.decimals(tags.PIXEL_SPACING, 2)
    # A rescale at the top level is of all frames; to pass over it would change voxels without a word.
    values = scaling(group(VALUES) if group(VALUES).raw else top)
    if not values.usable:
        raise Quarantine(Reason.UNREADABLE)
    return Frame(
        position=group(POSITION).decimals(tags.POSITION, 3),  # type: ignore[arg-type]  # three numbers, as asked
        orientation=group(ORIENTATION).decimals(tags.ORIENTATION, 6),  # type: ignore[arg-type]
        spacing=spacing if spacing is not None and min(spacing) > 0 else None,  # type: ignore[arg-type]
        slice_thickness=measures.decimal(tags.SLICE_THICKNESS),
        slope=values.slope,
        intercept=values.intercept,
        rescale_stated=values.stated,
        rescale_type=values.type,
        private_scale=philips.scale_of_frame(group(philips.GROUP)),
        window=window(group(VOI)),
        image_type=kind.texts(FRAME_TYPE) or top.texts(tags.IMAGE_TYPE),
        calculation=kind.text(tags.CALCULATION),
        kernel=group(RECONSTRUCTION).text(tags.CONVOLUTION_KERNEL) or top.text(tags.CONVOLUTION_KERNEL),
        facets=_facets(group, kind, top, number),
    )


def _kind(group: _Groups) -> Elements:
    return next((kind for tag in _TYPES if (kind := group(tag)) is not _NONE), _NONE)


def _facets(group: _Groups, kind: Elements, top: Elements, number: int) -> Facets:
    content, modifier, diffusion, xray = group(CONTENT), group(MODIFIER), group(DIFFUSION), group(XRAY_DETAILS)
    own = Facets(
        stack=content.text(tags.STACK),
        temporal_position=content.count(tags.TEMPORAL_INDEX),
        trigger_ms=_first(group(CARDIAC).number(tags.CARDIAC_DELAY), group(RESPIRATORY).number(RESPIRATORY_DELAY)),
        echo_ms=group(ECHO).number(tags.EFFECTIVE_ECHO_TIME),
        inversion_ms=_first(modifier.first_number(INVERSION_TIMES), modifier.decimal(tags.INVERSION_TIME)),
        b_value=diffusion.number(tags.B_VALUE),
        gradient=(diffusion.item(DIRECTIONS) or _NONE).numbers(tags.GRADIENT, 3),
        component=COMPONENTS.get(kind.text(tags.COMPLEX_COMPONENT), ""),
        energy_kev=_first(xray.number(tags.ENERGY_EQUIVALENT), xray.decimal(tags.KVP)),
        acquisition=content.count(ACQUISITION),
        acquired_s=datetime_s(content.text(ACQUIRED), top.text(tags.ZONE)),
        number=number,
    )
    converted = dict(group(CONVERTED_SHARED).raw) | dict(group(CONVERTED).raw)
    if not converted:
        return own
    classic = facets(Elements(converted), top.text(tags.MODALITY), ())
    return Facets._make(b if a in (None, "") else a for a, b in zip(own, classic, strict=True))


def _first(a: float | None, b: float | None) -> float | None:
    return b if a is None else a
