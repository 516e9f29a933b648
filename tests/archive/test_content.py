"""What is another thing is never taken for a slice of this one, and what merely lacks slices is never two things."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipeline.archive.formats.header import Frame
from pipeline.archive.index import File
from pipeline.archive.slices import slices
from pipeline.archive.stacks import stacks
from pipeline.reasons import Reason
from tests.archive.test_stacks import image, shuffled, told, volume, whole

MISSING = Reason.MISSING_SLICE


@pytest.mark.parametrize(
    ("own", "other"),
    [
        ({"temporal_position": 1}, {"temporal_position": 2}),
        ({"echo": 1}, {"echo": 2}),
        ({"component": "M"}, {"component": "P"}),
        ({"b_value": 0.0}, {"b_value": 800.0}),
    ],
)
def test_the_place_of_a_lost_image_is_not_filled_by_another_phase(own: dict[str, Any], other: dict[str, Any]) -> None:
    images = [image(k, facets=own) for k in range(10) if k != 3] + [image(3, facets=other)]
    expected = {(3, (), MISSING): 1, (6, (), MISSING): 1, (1, (Reason.DUPLICATE_POSITION,), None): 1}
    assert told(stacks(shuffled(images))) == Counter(expected)


def test_volumes_between_one_another_are_told_apart_whatever_stray_there_is() -> None:
    images = volume(facets={"echo_ms": 1.0}) + volume(first=0.5, facets={"echo_ms": 2.0})
    stray = image(6, facets={"echo_ms": 3.0})
    assert told(stacks([*images, stray])) == whole(6, 6) + Counter({(1, (Reason.DUPLICATE_POSITION,), None): 1})


@pytest.mark.parametrize(
    ("modality", "facets", "gone"),
    [
        ("MR", lambda k: {"acquisition": k % 2}, 1),
        ("PT", lambda k: {"acquired_s": 100.0 * (k // 6)}, 6),
        ("CT", lambda k: {"acquisition": k // 6}, 6),
    ],
    ids=["packages", "beds", "steps"],
)
def test_one_that_lacks_an_image_is_no_two_whole_ones(
    modality: str, facets: Callable[[int], dict[str, Any]], gone: int
) -> None:
    """The packages between or behind which an image was lost are regular, each for itself."""
    found = stacks([image(k, modality=modality, facets=facets(k)) for k in range(18) if k != gone])
    assert sorted(len(one.slices) for one in found) == [gone, 17 - gone]
    assert all(one.partial is MISSING or one.judged.reasons == (MISSING,) for one in found)


def test_a_cine_with_a_gap_is_not_cut_into_single_images() -> None:
    """Each slice is an acquisition of its own, and triggers vary from slice to slice."""
    images = [
        image(k, facets={"trigger_ms": 30.0 * p + 0.7 * k, "acquisition": k, "number": 30 * k + p})
        for k in (0, 1, 2, 4, 5, 6)
        for p in range(10)
    ]
    assert told(stacks(shuffled(images))) == Counter({(3, (), MISSING): 20})


def test_a_clock_of_whole_seconds_does_not_cut_into_a_volume() -> None:
    images = [
        image(k, name=f"{k} {t}", facets={"acquired_s": float(t and k > 1), "number": 10 * t + k})
        for t in range(2)
        for k in range(10)
    ]
    assert told(stacks(shuffled(images))) == whole(10, 10)


class TestStopped:
    def scan(self, *gone: tuple[int, int]) -> list[Any]:
        """Three volumes of six images, numbered one after another, less (volume, place)."""
        return [
            image(k, name=f"{k} {t}", facets={"number": 6 * t + k})
            for t in range(3)
            for k in range(6)
            if (t, k) not in gone
        ]

    @pytest.mark.parametrize("volume", [0, 1])
    def test_a_lost_image_is_not_taken_from_the_next_volume(self, volume: int) -> None:
        """Each place has three images but the first, which has two: those of which volumes?"""
        assert told(stacks(self.scan((volume, 0)))) == Counter({(17, (Reason.DUPLICATE_POSITION,), None): 1})

    def test_what_begins_and_ends_within_a_volume_is_not_shifted_by_half_a_one(self) -> None:
        """Each place has two images: the upper ones of the first two volumes, the lower ones of the last two."""
        ends = [*((0, k) for k in range(3)), *((2, k) for k in range(3, 6))]
        assert told(stacks(self.scan(*ends))) == Counter({(12, (Reason.DUPLICATE_POSITION,), None): 1})

    def test_what_is_missing_at_the_end_was_not_acquired(self) -> None:
        found = stacks(self.scan((2, 4), (2, 5)))
        assert told(found) == whole(6, 6, 4)
        for one in found:
            assert len({s.header.instance.split()[1] for s in one.slices}) == 1

    def test_from_the_top_down(self) -> None:
        images = [image(-k, facets={"number": 6 * t + k}) for t in range(3) for k in range(6)][:-2]
        assert told(stacks(images)) == whole(6, 6, 4)


def test_a_shuttle_that_lacks_an_image_is_known_by_its_acquisitions() -> None:
    """A perfusion that goes to and fro between two places of the table: an acquisition each time it stops."""

    def facets(k: int, t: int) -> dict[str, Any]:
        return {"acquisition": 2 * t + k // 6, "acquired_s": 10.0 * t + 5 * (k // 6), "number": 12 * t + k}

    images = [image(k, modality="CT", facets=facets(k, t)) for t in range(4) for k in range(12)]
    assert told(stacks(images)) == whole(12, 12, 12, 12)
    found = told(stacks([one for n, one in enumerate(images) if n != 27]))
    assert found == whole(*[6] * 7) + Counter({(3, (), MISSING): 1, (2, (MISSING,), None): 1})


def test_objects_of_a_whole_volume_each_need_no_more_to_be_told_apart() -> None:
    """Mosaics of a time series without a word of time: as ``dcm_qa_ts`` has them."""
    places = tuple(Frame((0.0, 0.0, 2.5 * k), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), (0.8, 0.7)) for k in range(6))
    files = []
    for name in "abc":
        header = replace(image(0, name=name).header, shape=(6, 8, 9), frames=places)
        files.append(File(name, name.encode(), 1, 2, header=header))
    found = stacks(shuffled(slices(files)))
    assert told(found) == whole(6, 6, 6)
    assert all(len(one.files) == 1 for one in found)


@pytest.mark.parametrize("n", [3, 10])
def test_two_images_around_another_of_another_echo(n: int) -> None:
    images = [image(k, facets={"echo": 1 + k % 2}) for k in range(n)]
    assert all(len({s.header.facets.echo for s in one.slices}) == 1 for one in stacks(images))
