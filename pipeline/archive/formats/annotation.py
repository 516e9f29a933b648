"""What a segmentation or a structure set says of other images, but for its voxels and contours."""

from __future__ import annotations

from typing import Any, NamedTuple

Point = tuple[float, float, float]

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
ANNOTATIONS = frozenset({RTSTRUCT, "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
"""SOP classes of structure sets, segmentations and label map segmentations: DICOM PS3.4 B.5."""


class Region(NamedTuple):
    """A segment (DICOM PS3.3 C.8.20.4), or a region of interest (C.8.8.5, C.8.8.8).

    Attributes
    ----------
    number : its label value: Segment Number (0062,0004); of regions of interest with closed contours, their place
        in the order of ROI Number (3006,0022), from 1
    name : Segment Label (0062,0005), ROI Name (3006,0026): free text, never published
    code : SNOMED CT concept id of Segmented Property Type (0062,000F), RT ROI Identification Code (3006,0086)
    category : that of Segmented Property Category (0062,0003)
    side : that of Segmented Property Type Modifier (0062,0011)
    kind : RT ROI Interpreted Type (3006,00A4)
    """

    number: int
    name: str = ""
    code: str = ""
    category: str = ""
    side: str = ""
    kind: str = ""


class Annotation(NamedTuple):
    """Whose images are outlined, what in them, and where.

    Attributes
    ----------
    series, instances : Series and SOP Instance UIDs of the images that it was made on, as far as stated
    regions : rising by number
    planes : a point of each plane that something lies in, LPS mm: of a segmentation Image Position (Patient), whose
        orientation, spacing and size the header holds
    normal : unit vector across the planes of contours; None of a segmentation
    depth_mm : how far the points of a contour lie from its plane, at most, above and below together
    extent_mm : how far two points of a contour lie from one another, at most
    """

    series: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()
    planes: tuple[Point, ...] = ()
    normal: Point | None = None
    depth_mm: float = 0.0
    extent_mm: float = 0.0

    @classmethod
    def from_values(cls, values: list[Any]) -> Annotation:
        """From the lists that JSON makes of it."""
        series, instances, regions, planes, normal, *lengths = values
        return cls(
            tuple(series),
            tuple(instances),
            tuple(Region(*region) for region in regions),
            tuple((x, y, z) for x, y, z in planes),
            None if normal is None else (normal[0], normal[1], normal[2]),
            *lengths,
        )
