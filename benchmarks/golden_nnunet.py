"""Result folders of nnU-Net and what it predicts with them: writes ``tests/golden/nnunet/``.

``python -m benchmarks.golden_nnunet`` in the environment of the peers (``make peers``).  Networks are nnU-Net's own,
tiny, trained by its own trainer's network, loss and optimiser on phantoms for some hundred steps, and saved by it;
predictions are its own predictor's, mirrored as the trainer allows.  Nothing of a patient is in them.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks import peers

FOLDER = Path(__file__).parent.parent / "tests" / "golden" / "nnunet"

Triple = tuple[int, int, int]

STEPS = 400


@dataclass(frozen=True)
class Golden:
    """One result folder, and the volume that it is asked about.

    shape : voxels of that volume along k, j, i; ``spacing`` : tenths of mm
    """

    name: str
    configuration: str
    scheme: str
    network: dict[str, Any]
    patch: tuple[int, ...]
    target: tuple[float, ...]
    shape: Triple
    spacing: Triple
    old: bool = False
    mirrored: bool = True


GOLDEN = (
    Golden(
        "thick",
        "3d_fullres",
        "CTNormalization",
        {
            "name": "PlainConvUNet",
            "widths": [4, 6, 8],
            "kernels": [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
            "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
            "encoder": [1, 2, 1],
            "decoder": [1, 1],
        },
        (8, 32, 32),
        (4.0, 1.0, 1.0),
        (10, 48, 50),
        (50, 13, 12),
        mirrored=False,
    ),
    Golden(
        "cubic",
        "3d_fullres",
        "ZScoreNormalization",
        {
            "name": "ResidualEncoderUNet",
            "widths": [4, 4, 6],
            "kernels": [[3, 3, 3], [3, 3, 3], [3, 3, 3]],
            "strides": [[1, 1, 1], [2, 2, 2], [2, 2, 2]],
            "encoder": [1, 2, 1],
            "decoder": [1, 1],
        },
        (16, 32, 24),
        (1.6, 1.6, 1.6),
        (21, 36, 34),
        (24, 17, 17),
    ),
    Golden(
        "flat",
        "2d",
        "CTNormalization",
        {
            "name": "PlainConvUNet",
            "widths": [4, 8, 8],
            "kernels": [[3, 3], [3, 3], [3, 3]],
            "strides": [[1, 1], [2, 2], [2, 2]],
            "encoder": [2, 1, 1],
            "decoder": [1, 2],
        },
        (32, 24),
        (1.5, 1.5),
        (9, 44, 50),
        (50, 13, 12),
        old=True,
    ),
)


def phantom(shape: Triple, spacing: Triple, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """int16 and labels [k, j, i] of a body with a dense ball (1) and an airy one (2); ``spacing`` in tenths of mm."""
    axes = [(2 * np.arange(n) - n + 1) * s for n, s in zip(shape, spacing, strict=True)]  # twentieths of mm
    k, j, i = np.ix_(*axes)
    body = (9 * k // 10) ** 2 + j**2 + (8 * i // 10) ** 2 < 620**2
    made = np.where(body, 40, -1000)
    labels = np.zeros(shape, np.uint8)
    shift = 40 * (seed % 4)
    for label, value, (a, b, c), radius in ((1, 420, (100, -150, -210 + shift), 230), (2, -760, (-80, 130, 220), 250)):
        ball = ((k - a) ** 2 + (j - b) ** 2 + (i - c - shift) ** 2 < radius**2) & body
        made = np.where(ball, value, made)
        labels[ball] = label
    n = np.arange(made.size).reshape(shape) + 7919 * seed
    grain = (n * n % 10007 * 31 + n * 17) % 241 - 120
    return (made + grain).astype(np.int16), labels


def plans(golden: Golden) -> dict[str, Any]:
    """As nnU-Net writes them; ``old`` as versions before 2.3 did."""
    net, axes = golden.network, len(golden.patch)
    operator = f"torch.nn.modules.conv.Conv{axes}d"
    resampling: dict[str, Any] = {}
    for what, order, seg in (("data", 3, False), ("seg", 1, True), ("probabilities", 1, False)):
        resampling[f"resampling_fn_{what}"] = "resample_data_or_seg_to_shape"
        resampling[f"resampling_fn_{what}_kwargs"] = {
            "is_seg": seg,
            "order": order,
            "order_z": 0,
            "force_separate_z": None,
        }
    if golden.old:
        architecture: dict[str, Any] = {
            "UNet_class_name": net["name"],
            "UNet_base_num_features": net["widths"][0],
            "unet_max_num_features": net["widths"][-1],
            "n_conv_per_stage_encoder": net["encoder"],
            "n_conv_per_stage_decoder": net["decoder"],
            "num_pool_per_axis": [1] * axes,
            "pool_op_kernel_sizes": net["strides"],
            "conv_kernel_sizes": net["kernels"],
        }
    else:
        counts = "n_blocks_per_stage" if net["name"] == "ResidualEncoderUNet" else "n_conv_per_stage"
        architecture = {
            "architecture": {
                "network_class_name": f"dynamic_network_architectures.architectures.unet.{net['name']}",
                "arch_kwargs": {
                    "n_stages": len(net["widths"]),
                    "features_per_stage": net["widths"],
                    "conv_op": operator,
                    "kernel_sizes": net["kernels"],
                    "strides": net["strides"],
                    counts: net["encoder"],
                    "n_conv_per_stage_decoder": net["decoder"],
                    "conv_bias": True,
                    "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{axes}d",
                    "norm_op_kwargs": {"eps": 1e-05, "affine": True},
                    "dropout_op": None,
                    "dropout_op_kwargs": None,
                    "nonlin": "torch.nn.LeakyReLU",
                    "nonlin_kwargs": {"inplace": True},
                },
                "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
            }
        }
    configuration = {
        "data_identifier": f"nnUNetPlans_{golden.configuration}",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(golden.patch),
        "median_image_size_in_voxels": [float(n) for n in golden.shape[-axes:]],
        "spacing": list(golden.target),
        "normalization_schemes": [golden.scheme],
        "use_mask_for_norm": [False],
        **resampling,
        "batch_dice": True,
        **architecture,
    }
    seen = {"max": 900.0, "mean": -190.0, "median": -200.0, "min": -1100.0, "std": 560.0}
    return {
        "dataset_name": f"Dataset900_{golden.name.capitalize()}",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [s / 10 for s in golden.spacing],
        "original_median_shape_after_transp": list(golden.shape),
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {golden.configuration: configuration},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            "0": {**seen, "percentile_00_5": -1010.0, "percentile_99_5": 530.0}
        },
    }


def dataset(golden: Golden) -> dict[str, Any]:
    """As its users write it."""
    channel = "CT" if golden.scheme == "CTNormalization" else "T1"
    labels = {"background": 0, "dense_ball": 1, "airy_ball": 2}
    return {"channel_names": {"0": channel}, "labels": labels, "numTraining": 4, "file_ending": ".nii.gz"}


def main() -> None:
    """Trains, saves and asks nnU-Net."""
    peers.one_thread()
    shutil.rmtree(FOLDER, ignore_errors=True)
    told: dict[str, Any] = {"tool": f"nnunetv2 {peers.versions()['nnunetv2']}", "dice": {}}
    predicted = {}
    with TemporaryDirectory() as scratch:
        for name in ("raw", "preprocessed", "results"):
            os.environ[f"nnUNet_{name}"] = scratch
        for golden in GOLDEN:
            # It looks here for how its cases are stored, before it is given any.
            cases = Path(scratch, f"Dataset900_{golden.name.capitalize()}", f"nnUNetPlans_{golden.configuration}")
            cases.mkdir(parents=True)
            (cases / "case.b2nd").touch()
            _train(golden, FOLDER / golden.name)
            image, truth = phantom(golden.shape, golden.spacing)
            labels = _predict(golden, FOLDER / golden.name, image)
            predicted[golden.name] = labels
            told["dice"][golden.name] = [
                round(2 * float(((labels == n) & (truth == n)).sum() / ((labels == n).sum() + (truth == n).sum())), 4)
                for n in (1, 2)
            ]
    np.savez_compressed(FOLDER / "predicted.npz", **predicted)
    (FOLDER / "told.json").write_text(json.dumps(told) + "\n")


def _train(golden: Golden, folder: Path) -> None:
    """A result folder whose network has seen phantoms on the grid of the plan."""
    import torch
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    torch.manual_seed(0)
    planned, described = plans(golden), dataset(golden)
    given = {**planned, "continue_training": False}
    trainer = nnUNetTrainer(given, golden.configuration, 0, described, torch.device("cpu"))
    trainer.initialize()
    trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
    if not golden.mirrored:
        trainer.inference_allowed_mirroring_axes = None
    trainer.optimizer.param_groups[0].update(lr=0.05, momentum=0.9)
    rng, preprocessor = np.random.default_rng(0), DefaultPreprocessor(verbose=False)
    cases = []
    for seed in range(1, 5):
        image, truth = phantom(golden.shape, golden.spacing, seed)
        x, y, _ = preprocessor.run_case_npy(
            image[None].astype("f4"),
            truth[None].astype("i1"),
            {"spacing": [s / 10 for s in golden.spacing]},
            trainer.plans_manager,
            trainer.configuration_manager,
            described,
        )
        cases.append((x, np.maximum(y, 0)))
    trainer.network.train()
    for _ in range(STEPS):
        xs, ys = zip(*(_patch(rng, *cases[rng.integers(4)], golden.patch) for _ in range(4)), strict=True)
        trainer.optimizer.zero_grad()
        made = trainer.network(torch.from_numpy(np.stack(xs)))
        target = torch.from_numpy(np.stack(ys)).float()
        targets = [torch.nn.functional.interpolate(target, m.shape[2:], mode="nearest-exact") for m in made]
        loss = trainer.loss(made, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainer.network.parameters(), 12)
        trainer.optimizer.step()
    # What its training log is made of at the end of an epoch: numbers of NumPy.
    trainer.logger.log("train_losses", np.mean([float(loss.detach())]), 0)
    trainer.logger.log("mean_fg_dice", np.float32(0.5), 0)
    trainer.logger.log("dice_per_class_or_region", [np.float32(0.5)] * 2, 0)
    trainer._best_ema = np.float64(0.5)
    (folder / "fold_0").mkdir(parents=True)
    trainer.save_checkpoint(str(folder / "fold_0" / "checkpoint_final.pth"))
    (folder / "plans.json").write_text(json.dumps(planned, indent=1) + "\n")
    (folder / "dataset.json").write_text(json.dumps(described, indent=1) + "\n")


def _patch(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, patch: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    lengths = (1,) * (3 - len(patch)) + patch
    short = [(0, 0), *((0, max(0, n - m)) for n, m in zip(lengths, x.shape[1:], strict=True))]
    x, y = np.pad(x, short), np.pad(y, short)
    seen = np.argwhere(y[0] == rng.integers(3))  # a voxel of any class lies in the patch
    middle = seen[rng.integers(len(seen))] - [rng.integers(n) for n in lengths]
    at = [min(max(0, int(a)), m - n) for a, n, m in zip(middle, lengths, x.shape[1:], strict=True)]
    box = (slice(None), *(slice(a, a + n) for a, n in zip(at, lengths, strict=True)))
    shape = (1, *patch)
    return x[box].reshape(shape).astype("f4"), y[box].reshape(shape).astype("i8")


def _predict(golden: Golden, folder: Path, image: np.ndarray) -> np.ndarray:
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(device=torch.device("cpu"), perform_everything_on_device=False, allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(folder), (0,), "checkpoint_final.pth")
    spacing = {"spacing": [s / 10 for s in golden.spacing]}
    made = predictor.predict_single_npy_array(image[None].astype("f4"), spacing, None, None, False)
    return np.asarray(made).reshape(golden.shape).astype(np.uint8)


if __name__ == "__main__":
    main()
