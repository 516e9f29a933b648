"""Outputs in memory: label maps of the source follow their image, by the stages that move it, and by no others."""

import numpy as np

from pipeline.engine import derive
from pipeline.engine.costs import Costs
from pipeline.engine.derive import Source
from pipeline.grid import Grid
from pipeline.stages.resample import Resample
from pipeline.structure import Structure
from pipeline.volume import Facts, Volume
from tests.engine.jobs import recipe

GRID = Grid(np.diag([2.0, 1.0, 1.0, 1.0]), (6, 10, 12))
TEXT = """\
name: x
stages:
  - {use: resample, spacing: [1, 1, 1], keep: ct}
  - {use: window, center: 40, width: 400, keep: image}
  - {use: threshold, from: ct, lower: 0, keep: mask}
  - {use: resample, from: raw, spacing: [4, 2, 2], keep: small}
  - {use: window, from: raw, center: 0, width: 100, keep: still}
"""


def source():
    rng = np.random.default_rng(0)
    labels = Volume((rng.random(GRID.shape) < 0.3).astype("u1") * 3, GRID, "labels")
    image = Volume(rng.integers(-900, 900, GRID.shape, "i2"), GRID)
    meant = {"seg": (Structure(3, "liver", "10200004"),)}
    return Source(image, {"mask": labels, "seg": labels}, Facts(units="HU"), 0.0, meant)


def test_label_maps_of_the_source_follow_the_first_image_on_each_grid():
    held = source()
    plans = recipe(TEXT).compile(held.volume.spec, held.facts, "v")
    made = derive.make(plans, held, {"volume_id": "v"}, Costs())
    below = {name: sorted(image.labels) for name, image in made.images.items()}
    assert below == {
        "ct": ["mask", "seg", "source-mask"],  # a kept name comes first, nothing is lost
        "image": [],
        "small": ["mask", "seg"],
        "still": ["mask", "seg"],
    }
    for name, spacing in (("ct", (1.0, 1.0, 1.0)), ("small", (4.0, 2.0, 2.0))):
        stage, labels = Resample(spacing), held.labels["seg"]
        expected = stage(labels, stage.spec(labels.spec).grid, labels.spec)
        np.testing.assert_array_equal(made.images[name].labels["seg"].volume.array, expected.array)
        assert made.images[name].labels["seg"].structures == held.structures["seg"]
        other = "source-mask" if name == "ct" else "mask"
        assert made.images[name].labels[other].structures == ()
        for label, known in (("seg", ("liver", "10200004")), (other, ("3", None))):
            (row,) = made.outputs[f"{name}/labels/{label}"]["structures"]
            assert (row["structure"], row["snomed_code"]) == known
            assert row["n_voxels"] == np.count_nonzero(expected.array)
    np.testing.assert_array_equal(made.images["still"].labels["seg"].volume.array, held.labels["seg"].array)


def test_every_array_says_by_which_stages_it_was_made():
    held = source()
    plans = recipe(TEXT).compile(held.volume.spec, held.facts, "v")
    made = derive.make(plans, held, {"volume_id": "v"}, Costs())
    stages = made.images["image"].facts["stages"]
    assert [(s["use"], s["version"]) for s in stages] == [("resample", 1), ("window", 1)]
    assert stages[1]["width"] == 400.0
    assert (made.images["ct"].facts["units"], made.images["image"].facts["units"]) == ("HU", "1")
    assert made.outputs["image"]["qa"]["n_interpolations"] == 1
    assert made.outputs["still"]["qa"]["n_interpolations"] == 0
