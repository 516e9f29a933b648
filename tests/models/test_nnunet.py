"""Result folders of nnU-Net: they predict what nnU-Net predicted, and nothing in them runs."""

import json
import shutil
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.golden_nnunet import FOLDER, GOLDEN, Golden, dataset, phantom, plans
from pipeline.errors import ModelError
from pipeline.grid import Grid
from pipeline.models import library, nnunet, sliding, weights
from pipeline.models.descriptor import Descriptor
from pipeline.models.folder import write
from pipeline.models.intensity import Fixed, Percentiles, ZScore
from pipeline.models.nnunet_weights import checkpoint
from pipeline.models.predictor import Predictor
from pipeline.volume import Volume

torch.set_num_threads(1)  # two tests run at a time

THICK, CUBIC, FLAT = GOLDEN
FILE = "checkpoint_final.pth"


def imported(golden: Golden, folder: Path | None = None, **more: Any) -> tuple[Descriptor, dict[str, np.ndarray]]:
    modality = None if golden.scheme == "CTNormalization" else "MR"
    return nnunet.imported(folder or FOLDER / golden.name, golden.configuration, **{"modality": modality, **more})


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.name)
def test_it_predicts_what_nnunet_predicts(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume whose spacing is not the plan's, through files, on the volume's own voxels."""
    descriptor, arrays = imported(golden)
    write(descriptor, arrays, tmp_path / descriptor.name)
    monkeypatch.setenv("SCANMILL_MODELS", str(tmp_path))
    model = library.find(descriptor.name)
    assert model.descriptor == descriptor
    frame = np.zeros((4, 4))
    frame[[2, 1, 0, 3], [0, 1, 2, 3]] = [*(s / 10 for s in golden.spacing), 1]
    volume = Volume(phantom(golden.shape, golden.spacing)[0], Grid(frame, golden.shape))
    network = Predictor(descriptor.name, weights.network(model), 3, 1, descriptor.mirror, "float32", "cpu")
    ours = sliding.segment(descriptor, network, volume, volume.grid, volume.grid, descriptor.overlap).array
    its = np.load(FOLDER / "predicted.npz")[golden.name]
    for label in (1, 2):
        both = ((ours == label) & (its == label)).sum()
        assert 2 * both / ((ours == label).sum() + (its == label).sum()) >= 0.999


def test_what_the_plans_say() -> None:
    thick, _ = imported(THICK)
    assert thick.name == "dataset900-thick"
    assert (thick.modalities, thick.units, thick.patch, thick.overlap) == (("CT",), "HU", (8, 32, 32), 0.5)
    assert thick.intensity == Fixed(-1010, 530, -190, 560)
    assert thick.mirror == ()
    assert [(s.value, s.name) for s in thick.structures] == [(1, "dense ball"), (2, "airy ball")]
    lattice = thick.grid
    assert (lattice.spacing, lattice.orientation, lattice.order) == ((4.0, 1.0, 1.0), None, 3)
    assert (lattice.anisotropy, lattice.border, lattice.normalised) == (3.0, "nearest", True)
    assert thick.network is not None
    assert (thick.network.encoder, thick.network.decoder, thick.network.residual) == ((1, 2, 1), (1, 1), False)
    cubic, _ = imported(CUBIC, name="mine", licence="CC0-1.0")
    assert (cubic.name, cubic.licence, cubic.modalities, cubic.units) == ("mine", "CC0-1.0", ("MR",), "1")
    assert (cubic.intensity, cubic.mirror) == (ZScore(), (0, 1, 2))
    assert cubic.network is not None
    assert cubic.network.residual


def test_a_network_in_two_dimensions_sees_slices() -> None:
    """Of plans before 2.3, which count the decoder's stages from the coarsest."""
    flat, arrays = imported(FLAT)
    assert (flat.patch, flat.grid.spacing, flat.mirror) == ((1, 32, 24), (None, 1.5, 1.5), (1, 2))
    assert flat.network is not None
    assert flat.network.kernels == ((1, 3, 3),) * 3
    assert flat.network.strides == ((1, 1, 1), (1, 2, 2), (1, 2, 2))
    assert (flat.network.widths, flat.network.decoder) == ((4, 8, 8), (2, 1))
    assert arrays["encoder.1.0.conv.weight"].shape == (8, 4, 1, 3, 3)
    grid = flat.grid.of(Grid(np.diag([5.0, 1.0, 1.0, 1.0]), (7, 30, 30)))
    assert (grid.shape, grid.spacing) == ((7, 20, 20), (5.0, 1.5, 1.5))


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the thick folder, with other plans, dataset or checkpoint."""

    def make(
        plan: Callable[[dict[str, Any]], object] = lambda said: None,
        data: Callable[[dict[str, Any]], object] = lambda said: None,
        held: Callable[[dict[str, Any]], object] = lambda held: None,
    ) -> Path:
        made = tmp_path / "copy"
        shutil.copytree(FOLDER / THICK.name, made)
        for file, change in (("plans.json", plan), ("dataset.json", data)):
            said = json.loads((made / file).read_text())
            change(said)
            (made / file).write_text(json.dumps(said))
        kept = checkpoint(made / "fold_0" / FILE)
        held(kept)
        torch.save(kept, made / "fold_0" / FILE)
        return made

    return make


def configuration(said: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = said["configurations"]["3d_fullres"]
    return found


def arguments(said: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = configuration(said)["architecture"]["arch_kwargs"]
    return found


REFUSED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "dropout": (lambda p: arguments(p).update(dropout_op="torch.nn.Dropout3d"), "dropout_op"),
    "batch norm": (lambda p: arguments(p).update(norm_op="torch.nn.BatchNorm3d"), "norm_op"),
    "eps": (lambda p: arguments(p).update(norm_op_kwargs={"eps": 1e-3, "affine": True}), "eps"),
    "slope": (lambda p: arguments(p).update(nonlin_kwargs={"negative_slope": 0.2}), "negative_slope"),
    "other activation": (lambda p: arguments(p).update(nonlin="torch.nn.ReLU"), "nonlin"),
    "activation first": (lambda p: arguments(p).update(nonlin_first=True), "nonlin_first"),
    "unknown argument": (lambda p: arguments(p).update(attention=True), "attention"),
    "other network": (
        lambda p: configuration(p)["architecture"].update(network_class_name="os.system"),
        "network_class",
    ),
    "even kernel": (lambda p: arguments(p).update(kernel_sizes=[[2, 3, 3]] * 3), "kernels must be odd"),
    "four axes": (lambda p: arguments(p).update(kernel_sizes=[[3, 3, 3, 3]] * 3), "network cannot be"),
    "patch": (lambda p: configuration(p).update(patch_size=[7, 32, 32]), "multiple"),
    "spacing": (lambda p: configuration(p).update(spacing=[1.0, 1.0]), "differ in length"),
    "resampling": (lambda p: configuration(p).update(resampling_fn_data="resample_torch_fornnunet"), "resampling_fn"),
    "way back": (lambda p: configuration(p)["resampling_fn_probabilities_kwargs"].update(order=3), "linearly"),
    "preprocessor": (lambda p: configuration(p).update(preprocessor_name="Mine"), "preprocessor_name"),
    "cascade": (lambda p: configuration(p).update(previous_stage="3d_lowres"), "previous_stage"),
    "mask": (
        lambda p: configuration(p).update(normalization_schemes=["ZScoreNormalization"], use_mask_for_norm=[True]),
        "use_mask_for_norm",
    ),
    "normalisation": (lambda p: configuration(p).update(normalization_schemes=["RGBTo01Normalization"]), "RGBTo01"),
    "range": (
        lambda p: p["foreground_intensity_properties_per_channel"]["0"].update(percentile_00_5=900.0),
        "lower must be below upper",
    ),
    "axes": (lambda p: p.update(transpose_forward=[0, 0, 1]), "transpose_forward"),
    "exchanged axes": (lambda p: p.update(transpose_forward=[2, 0, 1]), "say the orientation"),
    "circle": (lambda p: configuration(p).update(inherits_from="3d_fullres"), "no configuration"),
    "label manager": (lambda p: p.update(label_manager="Mine"), "label_manager"),
    "missing": (lambda p: p.pop("transpose_forward"), "transpose_forward"),
    "wide": (lambda p: arguments(p).update(n_conv_per_stage=[10**9, 2, 1]), "fewer weights"),
}


@pytest.mark.parametrize("change", REFUSED)
def test_plans_that_are_not_supported_are_refused_by_name(folder: Callable[..., Path], change: str) -> None:
    make, said = REFUSED[change]
    with pytest.raises(ModelError, match=said):
        imported(THICK, folder(plan=make))


LABELS: dict[str, tuple[dict[str, Any], str]] = {
    "regions": ({"background": 0, "whole": [1, 2], "core": 2}, "region"),
    "gap": ({"background": 0, "a": 1, "b": 3}, "without a gap"),
    "no background": ({"a": 1, "b": 2}, "without a gap"),
    "nothing": ({"background": 0}, "without a gap"),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels_that_are_not_supported_are_refused(folder: Callable[..., Path], case: str) -> None:
    labels, said = LABELS[case]
    with pytest.raises(ModelError, match=said):
        imported(THICK, folder(data=lambda d: d.update(labels=labels)))


def test_what_is_ignored_is_no_structure(folder: Callable[..., Path]) -> None:
    labels = {"background": 0, "A_b": [1], "c": 2, "ignore": 3}
    made, _ = imported(THICK, folder(data=lambda d: d.update(labels=labels)))
    assert [(s.value, s.name) for s in made.structures] == [(1, "a b"), (2, "c")]


def test_several_channels_are_refused(folder: Callable[..., Path]) -> None:
    with pytest.raises(ModelError, match="2 channels"):
        imported(THICK, folder(data=lambda d: d.update(channel_names={"0": "T1", "1": "T2"})))


def test_a_channel_that_is_no_ct_needs_its_modality() -> None:
    with pytest.raises(ModelError, match="say the modality"):
        imported(CUBIC, modality=None)


def test_a_configuration_inherits(folder: Callable[..., Path]) -> None:
    def inherit(said: dict[str, Any]) -> None:
        said["configurations"]["3d_small"] = {"inherits_from": "3d_fullres", "spacing": [5.0, 2.0, 2.0]}

    made, _ = nnunet.imported(folder(plan=inherit), "3d_small")
    assert (made.grid.spacing, made.patch) == ((5.0, 2.0, 2.0), (8, 32, 32))


@pytest.mark.parametrize(
    ("forward", "turned"), [([0, 1, 2], "RAS"), ([1, 0, 2], "RSA"), ([2, 0, 1], "ASR"), ([2, 1, 0], "SAR")]
)
def test_exchanged_axes_are_an_orientation(folder: Callable[..., Path], forward: list[int], turned: str) -> None:
    """nnU-Net's first axis is the old ``forward[0]``, and so on; letters are of i, j, k."""
    made, _ = imported(THICK, folder(plan=lambda p: p.update(transpose_forward=forward)), orientation="RAS")
    assert made.grid.orientation == turned


def test_the_other_normalisation_is_a_range_of_percentiles(folder: Callable[..., Path]) -> None:
    def rescale(said: dict[str, Any]) -> None:
        configuration(said).update(normalization_schemes=["RescaleTo01Normalization"])

    made, _ = imported(THICK, folder(plan=rescale))
    assert made.intensity == Percentiles(0, 100)


def test_no_bias_is_a_bias_of_zero(folder: Callable[..., Path]) -> None:
    def unbiased(held: dict[str, Any]) -> None:
        for key in list(held["network_weights"]):
            if (
                key.endswith(".bias")
                and ".norm." not in key
                and ".seg_layers." not in key
                and ".all_modules." not in key
            ):
                del held["network_weights"][key]

    _, arrays = imported(THICK, folder(plan=lambda p: arguments(p).update(conv_bias=False), held=unbiased))
    assert not arrays["encoder.0.0.conv.bias"].any()
    assert not arrays["up.0.bias"].any()
    assert arrays["heads.0.bias"].any()


WEIGHTS: dict[str, tuple[Callable[[OrderedDict[str, torch.Tensor]], object], str]] = {
    "missing": (lambda w: w.pop("decoder.seg_layers.1.bias"), "lack 'heads.0.bias'"),
    "left over": (lambda w: w.update({"decoder.attention.weight": torch.zeros(1)}), "decoder.attention.weight"),
    "shape": (lambda w: w.update({"decoder.seg_layers.1.bias": torch.zeros(7)}), r"\(7,\)"),
    "no tensor": (lambda w: w.update({"decoder.seg_layers.1.bias": "x"}), "network_weights"),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_fit_or_are_refused(folder: Callable[..., Path], case: str) -> None:
    change, said = WEIGHTS[case]
    with pytest.raises(ModelError, match=said):
        imported(THICK, folder(held=lambda held: change(held["network_weights"])))


class Code:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("hidden", ["logging", "network_weights", "init_args", "another"])
def test_nothing_in_a_checkpoint_runs(folder: Callable[..., Path], tmp_path: Path, hidden: str) -> None:
    bait = tmp_path / "ran"
    made = folder(held=lambda held: held.update({hidden: {"x": Code(bait)}}))
    with pytest.raises(ModelError, match="not read"):
        imported(THICK, made)
    assert not bait.exists()


@pytest.mark.parametrize("array", [np.zeros(3), np.array([{}], object)], ids=["numbers", "objects"])
def test_arrays_of_numpy_are_not_read_either(folder: Callable[..., Path], array: np.ndarray) -> None:
    with pytest.raises(ModelError, match="not read"):
        imported(THICK, folder(held=lambda held: held.update(logging=array)))


@pytest.mark.parametrize("content", [b"", b"\x80\x02}q\x00.", b"PK\x03\x04 and then nothing"])
def test_files_that_are_no_checkpoint_are_refused(folder: Callable[..., Path], content: bytes) -> None:
    made = folder()
    (made / "fold_0" / FILE).write_bytes(content)
    with pytest.raises(ModelError, match="no checkpoint"):
        imported(THICK, made)


@pytest.mark.parametrize("file", ["plans.json", "dataset.json"])
@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff", b"[" * 100_000])
def test_files_that_are_no_json_are_refused(folder: Callable[..., Path], file: str, content: bytes) -> None:
    made = folder()
    (made / file).write_bytes(content)
    with pytest.raises(ModelError, match=file):
        imported(THICK, made)


@pytest.mark.parametrize("gone", ["plans.json", "dataset.json", f"fold_0/{FILE}"])
def test_a_file_that_is_not_there_is_named(folder: Callable[..., Path], gone: str) -> None:
    made = folder()
    (made / gone).unlink()
    with pytest.raises(ModelError, match=gone):
        imported(THICK, made)


def test_a_configuration_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match=r"3d_fulres.*did you mean '3d_fullres'"):
        nnunet.imported(FOLDER / THICK.name, "3d_fulres")


@pytest.mark.parametrize("axes", [[3], ["x"], 1, [[0]]])
def test_axes_that_are_none_are_refused(folder: Callable[..., Path], axes: object) -> None:
    with pytest.raises(ModelError, match="mirroring_axes"):
        imported(THICK, folder(held=lambda held: held.update(inference_allowed_mirroring_axes=axes)))


def test_the_golden_folders_are_what_is_written_today() -> None:
    for golden in GOLDEN:
        assert json.loads((FOLDER / golden.name / "plans.json").read_text()) == plans(golden)
        assert json.loads((FOLDER / golden.name / "dataset.json").read_text()) == dataset(golden)
