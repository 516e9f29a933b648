"""A U-Net over patches and over volumes, float32, one thread: ``python -m benchmarks.inference``.

The network is lean (12, 24, 48, 96 channels, strides of 2), of random weights: its classes border one another
everywhere, so that labels agree less than those of a trained one.  ``--shape`` is of the volume, a patch is half of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from pipeline.grid import Grid
from pipeline.models import sliding
from pipeline.models.descriptor import Descriptor, Weights
from pipeline.models.intensity import Fixed
from pipeline.models.topology import Topology
from pipeline.models.windows import Windows
from pipeline.structure import Structure
from pipeline.volume import Volume

if TYPE_CHECKING:
    from pipeline.models.predictor import Predictor
    from pipeline.models.unet import UNet

WIDTHS = (12, 24, 48, 96)
CLASSES = 3
MANY = 100
SMALL = 64
"""Volumes that are segmented beside one another."""
BATCH = 4
AIR = -800.0
"""HU below which a patch is not looked at."""
AS_IT_IS = Fixed(-1e6, 1e6, 0, 1)


def network(shape: Shape) -> Comparison:
    """One patch.  OpenVINO and ONNX Runtime are given the network as torch exports it; error: of logits."""
    x, net = _image(_patch(shape))[None, None], _net(CLASSES)
    makers = {
        "torch": lambda: _torch(net, x),
        "torch, channels last": lambda: _channels_last(net, x),
        "ONNX Runtime": lambda: _onnxruntime(net, x),
        "OpenVINO": lambda: _openvino(net, x),
    }
    theirs, missing = peers.ready(makers)
    return Comparison(
        {"ours": _torch(_ours(net), x)}, theirs, missing, _difference(_torch(net, x)()), "largest, of logits: torch"
    )


def compiled(shape: Shape) -> Comparison:
    """One patch, against torch's C++ compiler, which takes minutes; error: of logits."""
    x, net = _image(_patch(shape))[None, None], _net(CLASSES)
    theirs, missing = peers.ready({"torch": lambda: _torch(net, x), "torch.compile": lambda: _compiled(net, x)})
    error = _difference(_torch(net, x)())
    return Comparison({"ours": _torch(_ours(net), x)}, theirs, missing, error, "largest, of logits: torch")


def logits(shape: Shape) -> Comparison:
    """Windows that overlap by half, weighted and averaged, over a volume that several windows cover exactly."""
    net, said, x = _net(CLASSES), _descriptor(shape, CLASSES), _image(shape)
    volume = _volume(x)
    grid = volume.grid

    def run(predictor: Predictor) -> np.ndarray:
        windows = Windows(grid, said.patch, said.overlap)
        out = np.empty((CLASSES, *shape), np.float32)
        for slab in sliding.slabs(windows, grid, volume, predictor, None):
            out[(slice(None), *grid.slices(slab.grid))] = slab.array
        return out

    ours = {"ours": partial(run, _predictor(_ours(net))), "by torch's kernels": partial(run, _predictor(net))}
    theirs, missing = peers.ready({"MONAI": lambda: _monai(net, said.patch, x)})
    error = _difference(theirs["MONAI"]()) if theirs else None
    return Comparison(ours, theirs, missing, error, "largest, of averaged logits: MONAI")


def labels(shape: Shape) -> Comparison:
    """Of a chest phantom."""
    net, volume = _net(CLASSES), _volume(images.ct(shape))
    said = _descriptor(shape, CLASSES, Fixed(-1000, 600, -400, 500))
    x = _seen(said, volume)
    theirs, missing = peers.ready({"MONAI": lambda: _argmax(_monai(net, said.patch, x))})
    expected = theirs["MONAI"]() if theirs else None

    def error(result: Any) -> float | None:
        return None if expected is None else float((np.asarray(result) != np.asarray(expected)).mean())

    ours = {"ours": partial(_segment, said, _predictor(_ours(net)), volume)}
    return Comparison(ours, theirs, missing, error, "share of voxels whose label is not MONAI's")


def air(shape: Shape) -> Comparison:
    """A chest phantom in three times as much air: patches of air alone are not looked at."""
    net, (k, j, i) = _net(CLASSES), shape
    chest = images.ct(shape)
    around = np.full((k, j, 3 * i), chest.min(), chest.dtype)
    around[..., i : 2 * i] = chest
    volume = _volume(around)
    said = _descriptor(shape, CLASSES, Fixed(-1000, 600, -400, 500))
    x, predictor = _seen(said, volume), _predictor(_ours(net))
    theirs, missing = peers.ready({"MONAI": lambda: _argmax(_monai(net, said.patch, x))})
    ours = {"ours": partial(_segment, replace(said, air=AIR), predictor, volume)}
    return Comparison(ours, {"ours, air too": partial(_segment, said, predictor, volume), **theirs}, missing)


def many_classes(shape: Shape) -> Comparison:
    """Memory at 100 classes, which MONAI sums up for the whole volume, and we for a layer of windows."""
    net, volume = _net(MANY), _volume(_image(shape))
    said = _descriptor(shape, MANY)
    ours = {"ours": partial(_segment, said, _predictor(_ours(net), MANY), volume)}
    theirs, missing = peers.ready({"MONAI": lambda: _argmax(_monai(net, said.patch, volume.array))})
    return Comparison(ours, theirs, missing)


def small_volumes(shape: Shape) -> Comparison:
    """64 volumes of one patch each, an eighth of the volume: those that are at work fill one batch; or one by one."""
    net, size = _net(CLASSES), _patch(_patch(shape))
    said = _descriptor(size, CLASSES, patch=size)
    rng = np.random.default_rng(0)
    volumes = [_volume(rng.standard_normal(size, np.float32)) for _ in range(SMALL)]

    def together(predictor: Predictor) -> Sequence[np.ndarray]:
        with ThreadPoolExecutor(BATCH) as threads:
            return list(threads.map(partial(_segment, said, predictor), volumes))

    def one_by_one(predictor: Predictor) -> Sequence[np.ndarray]:
        return [_segment(said, predictor, volume) for volume in volumes]

    ours, alone = _predictor(_ours(net), batch=BATCH), _predictor(_ours(net))
    plain, plain_alone = _predictor(net, batch=BATCH), _predictor(net)
    return Comparison(
        {
            "ours, shared batches of 4": partial(together, ours),
            "ours, batches of 1": partial(one_by_one, alone),
            "torch's kernels, shared batches of 4": partial(together, plain),
        },
        {
            "ours, one by one in batches of 4": partial(one_by_one, ours),
            "torch's kernels, one by one": partial(one_by_one, plain_alone),
        },
    )


def _patch(shape: Shape) -> Shape:
    """Half of it, a multiple of the strides."""
    k, j, i = (max(16, n // 2 // 8 * 8) for n in shape)
    return k, j, i


def _image(shape: Shape) -> np.ndarray:
    """float32, about what a network sees of a CT."""
    return (images.ct(shape).astype(np.float32) + 400) / 500


def _volume(x: np.ndarray) -> Volume:
    return Volume(x, Grid(np.diag([*images.SPACING, 1.0]), x.shape))


def _seen(said: Descriptor, volume: Volume) -> np.ndarray:
    """What the network sees of a volume."""
    return sliding.prepared(said.grid, said.intensity.ramp(volume.array), volume, volume.grid, volume.grid).array


def _net(classes: int) -> UNet:
    import torch

    from pipeline.models.unet import UNet

    torch.set_num_threads(1)
    n = len(WIDTHS)
    strides = ((1, 1, 1), *[(2, 2, 2)] * (n - 1))
    made = UNet(Topology(classes, WIDTHS, ((3, 3, 3),) * n, strides, (2,) * n, (2,) * (n - 1)))
    made.initialise(torch.Generator().manual_seed(0))
    return made.eval().requires_grad_(False)


def _ours(net: UNet) -> UNet:
    from pipeline.models.fused import fused

    return fused(net)


def _descriptor(shape: Shape, classes: int, intensity: Fixed = AS_IT_IS, patch: Shape | None = None) -> Descriptor:
    return Descriptor(
        name="lean",
        summary="For a benchmark.",
        modalities=("CT",),
        units="HU",
        structures=tuple(Structure(n, f"class{n}") for n in range(1, classes)),
        weights=Weights("safetensors", {"weights.safetensors": "0" * 64}),
        licence="none",
        training_data="none",
        limits="none",
        intensity=intensity,
        patch=patch or _patch(shape),
        network=_net(classes).topology,
    )


def _predictor(net: UNet, classes: int = CLASSES, batch: int = 1) -> Predictor:
    from pipeline.models.predictor import Predictor

    return Predictor("lean", net, classes, batch)


def _segment(said: Descriptor, predictor: Predictor, volume: Volume) -> np.ndarray:
    return sliding.segment(said, predictor, volume, volume.grid, volume.grid, said.overlap).array


def _torch(net: Any, x: np.ndarray) -> Case:
    import torch

    tensor = torch.from_numpy(x)

    def run() -> np.ndarray:
        with torch.inference_mode():
            made: np.ndarray = net(tensor).numpy()
        return made

    return run


def _channels_last(net: UNet, x: np.ndarray) -> Case:
    from copy import deepcopy

    import torch

    return _torch(deepcopy(net).to(memory_format=torch.channels_last_3d), x)


def _compiled(net: UNet, x: np.ndarray) -> Case:
    import torch

    return _torch(torch.compile(net, dynamic=False), x)


def _exported(net: UNet, x: np.ndarray) -> bytes:
    from io import BytesIO

    import torch

    made = BytesIO()
    torch.onnx.export(net, (torch.from_numpy(x),), made, dynamo=False, input_names=["x"], output_names=["y"])
    return made.getvalue()


def _onnxruntime(net: UNet, x: np.ndarray) -> Case:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(_exported(net, x), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"x": x})[0]


def _openvino(net: UNet, x: np.ndarray) -> Case:
    import openvino

    core = openvino.Core()
    how = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(core.read_model(_exported(net, x)), "CPU", how).create_infer_request()
    return lambda: request.infer([x], share_inputs=True)[0]


def _monai(net: UNet, patch: Shape, x: np.ndarray) -> Case:
    import torch
    from monai.inferers import SlidingWindowInferer

    infer, tensor = SlidingWindowInferer(patch, 1, 0.5, mode="gaussian"), torch.from_numpy(x)[None, None]

    def run() -> np.ndarray:
        with torch.inference_mode():
            made: np.ndarray = infer(tensor, net)[0].numpy()
        return made

    return run


def _argmax(logits_: Case) -> Case:
    return lambda: np.asarray(logits_()).argmax(0).astype(np.uint8)


def _difference(expected: object) -> Callable[[Any], float]:
    return lambda result: float(abs(np.asarray(result) - np.asarray(expected)).max())


JOBS = {
    "network": network,
    "compiled": compiled,
    "logits": logits,
    "labels": labels,
    "air": air,
    "many classes": many_classes,
    "small volumes": small_volumes,
}
main = command("inference", JOBS, shape=(96, 128, 128), repeats=3)

if __name__ == "__main__":
    main()
