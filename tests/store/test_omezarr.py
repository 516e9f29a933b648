"""OME-Zarr: valid, whole, the same bytes, and no geometry lost."""

import json
from dataclasses import replace

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from ome_zarr_models.v05 import Image as OmeImage
from ome_zarr_models.v05.bioformats2raw import BioFormats2Raw

from pipeline.errors import GeometryError, Quarantine
from pipeline.grid import Grid
from pipeline.store import omezarr
from pipeline.store.commit import content
from pipeline.structure import Structure
from pipeline.volume import Volume
from tests.strategies import volumes


def chest(shape=(70, 140, 150), affine=None):
    rng = np.random.default_rng(3)
    affine = np.diag([2.5, 0.7, 0.7, 1.0]) if affine is None else affine
    return Volume(rng.normal(0, 300, shape).astype("i2"), Grid(affine, shape))


@settings(max_examples=20)
@given(st.data())
def test_what_is_read_is_what_was_written(tmp_path_factory, data):
    volume = data.draw(volumes(data.draw(st.sampled_from(["image", "labels"]))))
    path = tmp_path_factory.mktemp("store") / "v.zarr"
    omezarr.write_group(path, {"": omezarr.Image(volume)})
    back = omezarr.read(path)
    np.testing.assert_array_equal(back.array, volume.array)
    assert (back.grid, back.kind, back.array.dtype) == (volume.grid, volume.kind, volume.array.dtype)


def test_the_same_volume_gives_the_same_bytes_every_time(tmp_path):
    """With more than one codec thread it does not: chunks land in a shard in the order they are ready."""
    hashes = set()
    for n in range(5):
        omezarr.write_group(tmp_path / str(n), {"": omezarr.Image(chest())})
        hashes.add(content(tmp_path / str(n)).sha256)
    assert len(hashes) == 1


def test_groups_are_valid_ome_zarr_with_labels_below_their_image(tmp_path):
    image = chest()
    body = Volume((image.array > 0).astype("u1"), image.grid, "labels")
    labels = {"body": omezarr.Image(body, structures=(Structure(1, "body"),))}
    omezarr.write_group(tmp_path / "v", {"ct": omezarr.Image(image, labels, {"modality": "CT"})})
    model = OmeImage.from_zarr(zarr.open_group(tmp_path / "v" / "ct", mode="r"))
    assert [axis.name for axis in model.ome_attributes.multiscales[0].axes] == ["z", "y", "x"]
    OmeImage.from_zarr(zarr.open_group(tmp_path / "v" / "ct" / "labels" / "body", mode="r"))
    names = zarr.open_group(tmp_path / "v" / "ct" / "labels", mode="r").attrs["ome"]["labels"]
    assert names == ["body"]
    assert omezarr.attributes(tmp_path / "v" / "ct" / "labels" / "body")["structures"][0]["name"] == "body"
    np.testing.assert_array_equal(omezarr.read(tmp_path / "v" / "ct" / "labels" / "body").array, body.array)


def test_a_group_of_several_images_lists_them(tmp_path):
    label = Volume(np.zeros((2, 3, 4), "u1"), Grid(np.eye(4), (2, 3, 4)), "labels")
    omezarr.write_group(tmp_path / "v", {"ct": omezarr.Image(chest((2, 3, 4))), "alone": omezarr.Image(label)})
    root = zarr.open_group(tmp_path / "v", mode="r")
    assert root.attrs["ome"] == {"version": "0.5", "bioformats2raw.layout": 3}
    assert root["OME"].attrs["ome"]["series"] == ["alone", "ct"]
    assert "image-label" not in root["alone"].attrs["ome"]
    BioFormats2Raw.from_zarr(root)


def test_an_array_is_one_shard_of_chunks_with_checksums(tmp_path):
    omezarr.write_group(tmp_path / "v", {"": omezarr.Image(chest())})
    assert len([p for p in (tmp_path / "v" / "0" / "c").rglob("*") if p.is_file()]) == 1
    codec = json.loads((tmp_path / "v" / "0" / "zarr.json").read_text())["codecs"][0]
    assert codec["name"] == "sharding_indexed"
    assert codec["configuration"]["chunk_shape"] == [64, 128, 128]
    assert [c["name"] for c in codec["configuration"]["codecs"]] == ["bytes", "blosc", "crc32c"]


@pytest.mark.parametrize("place", np.linspace(0.001, 0.999, 12))
def test_a_flipped_bit_is_noticed(tmp_path, place):
    """Also in chunks that the border of the array cuts, where zarrs would not look."""
    omezarr.write_group(tmp_path / "v", {"": omezarr.Image(chest())})
    (shard,) = [p for p in (tmp_path / "v" / "0" / "c").rglob("*") if p.is_file()]
    damaged = bytearray(shard.read_bytes())
    damaged[int(len(damaged) * place)] ^= 4
    shard.write_bytes(damaged)
    with pytest.raises(Quarantine, match="DAMAGED"):
        omezarr.read(tmp_path / "v")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([(0, 0, 2), (0, 1, 0), (1, 0, 0)], ["inferior-to-superior", "anterior-to-posterior", "right-to-left"]),
        ([(0, 0, -2), (0, -1, 0), (-1, 0, 0)], ["superior-to-inferior", "posterior-to-anterior", "left-to-right"]),
        ([(2, 0, 0), (0, 0, -1), (0, 1, 0)], ["right-to-left", "superior-to-inferior", "anterior-to-posterior"]),
        ([(0, 0.6, 0.8), (0, 0.8, -0.6), (1, 0, 0)], [None, None, None]),
    ],
)
def test_orientations_are_said_only_where_axes_lie_along_the_patients(tmp_path, columns, words):
    affine = np.eye(4)
    affine[:3, :3] = np.array(columns, float).T
    affine[:3, 3] = (10, 20, 30)
    volume = chest((3, 4, 5), affine)
    omezarr.write_group(tmp_path / "v", {"": omezarr.Image(volume)})
    attributes = zarr.open_group(tmp_path / "v", mode="r").attrs
    scale = attributes["ome"]["multiscales"][0]
    assert [axis.get("orientation", {}).get("value") for axis in scale["axes"]] == words
    assert attributes["scanmill"]["affine"] == affine.tolist()
    assert scale["datasets"][0]["coordinateTransformations"][0]["scale"] == pytest.approx(volume.grid.spacing)


def test_a_projection_without_a_place_in_the_patient_claims_none(tmp_path):
    omezarr.write_group(tmp_path / "v", {"": omezarr.Image(chest((1, 4, 5)), anatomical=False, millimetres=False)})
    axes = zarr.open_group(tmp_path / "v", mode="r").attrs["ome"]["multiscales"][0]["axes"]
    assert axes == [{"name": name, "type": "space"} for name in "zyx"]


def test_a_missing_volume_is_refused(tmp_path):
    with pytest.raises(Quarantine, match="DAMAGED"):
        omezarr.read(tmp_path / "nothing")


@settings(max_examples=20)
@given(st.data())
def test_a_piece_is_that_part_of_the_whole(tmp_path_factory, data):
    volume = data.draw(volumes(data.draw(st.sampled_from(["image", "labels"]))))
    volume = replace(volume, grid=replace(volume.grid, start=(0, 0, 0)))
    path = tmp_path_factory.mktemp("store") / "v.zarr"
    omezarr.write_group(path, {"": omezarr.Image(volume)})
    assert omezarr.stored(path) == volume.spec
    bounds = [sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n)))) for n in volume.grid.shape]
    grid = volume.grid.crop(*zip(*bounds, strict=True))
    made, expected = omezarr.piece(path, grid), volume.crop_to(grid)
    np.testing.assert_array_equal(made.array, expected.array)
    assert (made.grid, made.kind, made.array.dtype) == (expected.grid, expected.kind, expected.array.dtype)


def test_a_piece_reads_the_chunks_that_it_touches(tmp_path):
    """A chunk elsewhere that is damaged is not looked at."""
    volume = chest()
    omezarr.write_group(tmp_path / "v", {"": omezarr.Image(volume)})
    shard = tmp_path / "v" / "0" / "c" / "0" / "0" / "0"
    damaged = bytearray(shard.read_bytes())
    damaged[100] ^= 1  # of the first chunk
    shard.write_bytes(damaged)
    far = volume.grid.crop((64, 128, 128), (70, 140, 150))
    np.testing.assert_array_equal(omezarr.piece(tmp_path / "v", far).array, volume.crop_to(far).array)
    with pytest.raises(Quarantine, match="DAMAGED"):
        omezarr.piece(tmp_path / "v", volume.grid.crop((0, 0, 0), (1, 1, 1)))
    with pytest.raises(GeometryError):
        omezarr.piece(tmp_path / "v", volume.grid.pad(1))
