"""Copies, conflicts and broken files of one series."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.archive.formats.header import Facets, Header
from pipeline.archive.group import Fate, fate, group
from pipeline.archive.identity import content_id, volume_id
from pipeline.archive.index import File
from pipeline.archive.vault import Vault
from pipeline.reasons import MEANINGS, Outcome, Reason

NATIVE, LOSSLESS = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70"


OF_A_FILE = sorted(reason for reason, meaning in MEANINGS.items() if meaning.outcome is not Outcome.DUPLICATE)


def file(name: str, instance: str | None = None, reason: Reason | None = None, **facts: object) -> File:
    known = {"instance": name if instance is None else instance, "transfer_syntax": NATIVE} | facts
    return File(name, name.encode(), 1, 2, reason=reason, header=Header(format="dicom", series="1", **known))  # type: ignore[arg-type]


def equal(_: File) -> str:
    return "same"


def never(_: File) -> str:
    raise AssertionError("pixels were read without need")


def test_a_plain_series_reads_no_pixels_and_waits_for_the_run() -> None:
    files = [file("a"), file("b")]
    found = group(files, never)
    assert found.images == tuple(files)
    assert found.fates == {}


def test_what_is_not_ours_does_not_spoil_the_series() -> None:
    found = group([file("a"), file("b", reason=Reason.LOCALIZER)], never)
    assert [f.file_id for f in found.images] == ["a"]
    assert found.reasons == ()
    assert found.fates == {"b": Fate(Outcome.SKIPPED, Reason.LOCALIZER)}


def test_a_broken_file_refuses_the_whole_series_and_keeps_its_own_reason() -> None:
    found = group([file("a"), file("b", reason=Reason.UNSUPPORTED_TS), file("c", reason=Reason.TRUNCATED)], never)
    assert found.reasons == (Reason.TRUNCATED, Reason.UNSUPPORTED_TS)
    assert found.fates == {"b": fate(Reason.UNSUPPORTED_TS), "c": fate(Reason.TRUNCATED)}


def test_a_truncated_copy_of_a_whole_image_spoils_nothing() -> None:
    files = [file("a"), file("b", "a", Reason.TRUNCATED, position=None), file("c")]
    found = group(files, never)
    assert [f.file_id for f in found.images] == ["a", "c"]
    assert found.fates == {"b": fate(Reason.TRUNCATED)}


@pytest.mark.parametrize(
    ("instance", "whole", "reason"),
    [
        ("z", None, Reason.TRUNCATED),  # of no other image
        ("", None, Reason.TRUNCATED),  # of nobody knows which
        ("a", Reason.LOCALIZER, Reason.TRUNCATED),  # of one that is no part of the volume
        ("a", Reason.UNSUPPORTED_TS, Reason.TRUNCATED),  # of one that is broken as well
        ("a", None, Reason.COLOR),  # not the same image
    ],
)
def test_other_broken_files_do(instance: str, whole: Reason | None, reason: Reason) -> None:
    found = group([file("a", None, whole), file("b", instance, reason), file("c", "")], never)
    assert reason in found.reasons
    assert "c" in {f.file_id for f in found.images}


class TestLost:
    def lost(self, reason: Reason, header: Header | None = None) -> File:
        return File("x", b"x", 0, 2, reason=reason, header=header)

    @pytest.mark.parametrize("reason", [Reason.EMPTY_FILE, Reason.UNREADABLE, Reason.PERMISSION])
    def test_a_hole_refuses_the_series(self, reason: Reason) -> None:
        found = group([file("a"), file("b")], never, [self.lost(reason)])
        assert [f.file_id for f in found.images] == ["a", "b"]
        assert found.reasons == (reason,)
        assert found.fates == {"x": Fate(Outcome.QUARANTINED, reason)}

    def test_what_is_skipped_has_none(self) -> None:
        found = group([file("a", reason=Reason.LOCALIZER)], never, [self.lost(Reason.EMPTY_FILE)])
        assert (found.images, found.reasons) == ((), ())
        assert found.fates["x"] == fate(Reason.EMPTY_FILE)

    def test_a_cut_copy_is_none(self) -> None:
        cut = self.lost(Reason.TRUNCATED, Header(format="dicom", instance="a"))
        found = group([file("a")], never, [cut])
        assert found.fates == {"x": fate(Reason.TRUNCATED)}
        assert found.reasons == ()


@given(st.permutations(["native", "lossless", "lossy"]))
def test_of_equal_copies_the_least_processed_is_kept(order: list[str]) -> None:
    kinds = {
        "native": {"transfer_syntax": NATIVE},
        "lossless": {"transfer_syntax": LOSSLESS},
        "lossy": {"transfer_syntax": NATIVE, "lossy": True},
    }
    found = group([file(str(n), "one", **kinds[kind]) for n, kind in enumerate(order)], equal)
    assert [order[int(f.file_id)] for f in found.images] == ["native"]
    assert sorted(found.fates.values()) == [fate(Reason.DUPLICATE_SOP)] * 2


@pytest.mark.parametrize(
    "facts", [{"position": (0.0, 0.0, 1.0)}, {"slope": 2.0}, {"shape": (1, 3, 3)}, {"spacing": (1.0, 2.0)}]
)
def test_one_instance_with_two_headers_is_a_conflict(facts: dict[str, object]) -> None:
    found = group([file("a"), file("b", "a", **facts), file("c")], never)
    assert found.reasons == (Reason.DUPLICATE_SOP_CONFLICT,)
    assert {f.file_id for f in found.images} == {"a", "b", "c"}


def test_a_copy_that_was_numbered_and_dated_anew_is_a_copy() -> None:
    found = group([file("a"), file("b", "a", facets=Facets(number=7, acquired_s=1.0))], equal)
    assert (len(found.images), found.reasons) == (1, ())
    assert group([file("a"), file("b", "a", facets=Facets(echo=2))], equal).reasons == (Reason.DUPLICATE_SOP_CONFLICT,)


def test_one_instance_with_two_sets_of_voxels_is_a_conflict() -> None:
    assert group([file("a"), file("b", "a")], lambda f: f.file_id).reasons == (Reason.DUPLICATE_SOP_CONFLICT,)


def test_files_without_instance_uid_are_never_taken_for_copies() -> None:
    assert len(group([file("a", ""), file("b", "")], never).images) == 2


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.sampled_from(OF_A_FILE))))
def test_every_file_has_one_end(drawn: list[tuple[str, Reason | None]]) -> None:
    files = [file(str(n), instance, reason) for n, (instance, reason) in enumerate(drawn)]
    found = group(files, equal)
    assert {f.file_id for f in found.images} | set(found.fates) == {f.file_id for f in files}
    whole = {instance for instance, r in drawn if r is None}
    spoilers = [
        r
        for instance, r in drawn
        if r is not None
        and MEANINGS[r].outcome is Outcome.QUARANTINED
        and not (r is Reason.TRUNCATED and instance in whole)
    ]
    assert set(found.reasons) == set(spoilers)


class TestIdentity:
    def test_a_copy_is_the_same_image_whatever_its_encoding_or_place(self) -> None:
        one = file("a").header
        assert one is not None
        other = replace(one, transfer_syntax=LOSSLESS, pixel_offset=9, manufacturer="x", window=(1, 2))
        assert content_id(one) == content_id(other)
        assert content_id(one) != content_id(replace(one, instance="b"))
        assert content_id(one) != content_id(replace(one, intercept=1.0))

    @given(st.lists(st.text(), max_size=5), st.randoms(use_true_random=False))
    def test_a_volume_is_what_it_is_made_of_in_any_order(self, tmp_path_factory, contents, random) -> None:
        vault = _vault(tmp_path_factory)
        name = volume_id(vault, "1.2", "", contents)
        assert name == volume_id(vault, "1.2", "", random.sample(contents, len(contents)))
        assert name != volume_id(vault, "1.2", "", [*contents, "one more"])
        assert name != volume_id(vault, "1.3", "", contents)
        assert name != volume_id(vault, "1.2", "b", contents)


_made: list[Vault] = []


def _vault(factory: pytest.TempPathFactory) -> Vault:
    if not _made:
        _made.append(Vault.create(factory.mktemp("identity") / "vault"))
    return _made[0]
