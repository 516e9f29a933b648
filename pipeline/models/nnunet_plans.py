"""What the files of an nnU-Net v2 result folder say, as far as inference needs it: ``plans.json``, ``dataset.json``.

What is not written down here is not supported, and refused by the name of its key: a network that does other than it
was trained for is worse than none.  Keys and meanings are those of nnU-Net 2.8, and of its plans before 2.3, which
wrote a network down in other words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError, with_config

from pipeline.errors import ModelError
from pipeline.yaml_text import adapter, nearest

LARGEST = 16 << 20
"""Bytes of a JSON file; a larger one is not read."""

PerStage = int | list[int]
Class = Literal["PlainConvUNet", "ResidualEncoderUNet"]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Norm:
    """Arguments of the instance norm."""

    eps: float = 1e-5
    affine: Literal[True] = True

    def __post_init__(self) -> None:
        if self.eps != 1e-5:
            raise ValueError("eps must be 1e-5")


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Slope:
    """Arguments of the LeakyReLU."""

    inplace: bool = True


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Network:
    """Arguments of a network of dynamic-network-architectures."""

    features_per_stage: list[int]
    kernel_sizes: list[list[int]]
    strides: list[list[int]]
    n_conv_per_stage_decoder: PerStage
    norm_op: Literal["torch.nn.modules.instancenorm.InstanceNorm3d", "torch.nn.modules.instancenorm.InstanceNorm2d"]
    norm_op_kwargs: Norm
    nonlin: Literal["torch.nn.LeakyReLU", "torch.nn.modules.activation.LeakyReLU"]
    conv_op: Literal["torch.nn.modules.conv.Conv3d", "torch.nn.modules.conv.Conv2d"]
    n_stages: int
    n_conv_per_stage: PerStage | None = None
    n_blocks_per_stage: PerStage | None = None
    nonlin_kwargs: Slope | None = None
    conv_bias: bool = False
    dropout_op: None = None
    dropout_op_kwargs: dict[str, Any] | None = None
    nonlin_first: Literal[False] = False
    bottleneck_channels: None = None
    stem_channels: None = None


@dataclass(frozen=True)
class Architecture:
    """Which network, and its arguments."""

    network_class_name: Literal[
        "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet",
        "dynamic_network_architectures.architectures.residual_unet.ResidualEncoderUNet",
    ]
    arch_kwargs: Network


@dataclass(frozen=True)
class Older:
    """The same, as plans before 2.3 say it."""

    UNet_class_name: Class
    UNet_base_num_features: int
    unet_max_num_features: int
    n_conv_per_stage_encoder: list[int]
    n_conv_per_stage_decoder: list[int]
    pool_op_kernel_sizes: list[list[int]]
    conv_kernel_sizes: list[list[int]]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Resampling:
    """Arguments of ``resample_data_or_seg_to_shape``."""

    order: Literal[0, 1, 3]
    is_seg: bool = False
    order_z: Literal[0] = 0
    force_separate_z: Literal[False] | None = None


@dataclass(frozen=True)
class Configuration:
    """One entry of ``configurations``."""

    patch_size: list[int]
    spacing: list[float]
    normalization_schemes: list[str]
    use_mask_for_norm: list[bool]
    resampling_fn_data: Literal["resample_data_or_seg_to_shape"]
    resampling_fn_data_kwargs: Resampling
    resampling_fn_probabilities: Literal["resample_data_or_seg_to_shape"]
    resampling_fn_probabilities_kwargs: Resampling
    preprocessor_name: Literal["DefaultPreprocessor"]
    previous_stage: None = None


@dataclass(frozen=True)
class Intensities:
    """Of the foreground of the training set, one channel."""

    mean: float
    std: float
    percentile_00_5: float
    percentile_99_5: float


@dataclass(frozen=True)
class Plans:
    """All of ``plans.json``."""

    dataset_name: str
    transpose_forward: list[int]
    configurations: dict[str, dict[str, Any]]
    foreground_intensity_properties_per_channel: dict[str, Intensities]
    label_manager: Literal["LabelManager"] = "LabelManager"


@dataclass(frozen=True)
class Dataset:
    """All of ``dataset.json``; ``modality`` is what ``channel_names`` was called before."""

    labels: dict[str, int | list[int]]
    channel_names: dict[str, str] | None = None
    modality: dict[str, str] | None = None
    numTraining: int | None = None
    licence: str | None = None
    license: str | None = None


def plans(folder: Path) -> Plans:
    """Raises ModelError for what cannot be read, or is not supported, with its key."""
    made: Plans = _made(Plans, _read(folder / "plans.json"), "plans.json")
    return made


def dataset(folder: Path) -> Dataset:
    """Raises ModelError as ``plans``."""
    made: Dataset = _made(Dataset, _read(folder / "dataset.json"), "dataset.json")
    return made


def configuration(said: Plans, name: str) -> tuple[Configuration, Architecture | Older]:
    """A configuration, with what it inherits, and its network.  Raises ModelError as ``plans``."""
    seen: dict[str, Any] = {}
    visited: list[str] = []
    following: Any = name
    while following is not None:
        if following not in said.configurations or following in visited:
            raise ModelError(f"plans.json has no configuration {name!r}{nearest(name, tuple(said.configurations))}")
        visited.append(following)
        seen = {**said.configurations[following], **seen}
        following = said.configurations[following].get("inherits_from")
    where = f"plans.json: {name}"
    if "architecture" in seen:
        return _made(Configuration, seen, where), _made(Architecture, seen["architecture"], f"{where}.architecture")
    return _made(Configuration, seen, where), _made(Older, seen, where)


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > LARGEST:
            raise ModelError(f"{path.name} is larger than {LARGEST >> 20} MiB")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path.name} of the nnU-Net folder cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ModelError(f"{path.name} of the nnU-Net folder is not JSON") from None


def _made(kind: Any, value: Any, origin: str) -> Any:
    try:
        return adapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise ModelError(f"{origin}.{at}: not supported: {first['msg']}") from None
