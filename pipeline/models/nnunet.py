"""A result folder of nnU-Net v2 (Isensee et al., Nature Methods 18, 2021) as a model of ours.

::

    plans.json, dataset.json         -> grid, intensities, patch, structures
    fold_0/checkpoint_final.pth      -> weights; read as data, and nothing in it runs

Ours predicts as nnU-Net's ``nnUNetPredictor`` does, with two differences: logits are averaged in float32 rather than
float16, and a volume is not first cropped to its voxels that are not 0: where it has a border of them, patches lie
elsewhere, and z-scores are those of the whole.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import numpy as np
from torch import Tensor

from pipeline.errors import ModelError
from pipeline.grid import Triple
from pipeline.models import nnunet_plans as files
from pipeline.models import nnunet_weights
from pipeline.models.descriptor import Descriptor, Lattice
from pipeline.models.folder import stored
from pipeline.models.intensity import Fixed, Intensity, Percentiles, ZScore
from pipeline.models.topology import Topology
from pipeline.structure import Structure

ANISOTROPY = 3.0
"""nnU-Net's ``ANISO_THRESHOLD``: beyond it the coarsest axis is resampled by nearest."""

Axis = Literal[0, 1, 2]
AXES: tuple[Axis, ...] = (0, 1, 2)

UNKNOWN = "not said by the nnU-Net folder"


def imported(
    folder: Path,
    configuration: str = "3d_fullres",
    fold: int | str = 0,
    checkpoint: str = "checkpoint_final.pth",
    *,
    name: str | None = None,
    modality: str | None = None,
    orientation: str | None = None,
    licence: str | None = None,
) -> tuple[Descriptor, dict[str, np.ndarray]]:
    """The model that a folder such as ``nnUNetTrainer__nnUNetPlans__3d_fullres`` holds: for ``folder.write``.

    Parameters
    ----------
    folder : holds plans.json, dataset.json and ``fold_<fold>``
    configuration : ``3d_fullres`` or ``2d``, or another that has no stage before it
    fold : number, or ``all``; one network, no ensemble
    name : of the model; None: that of the dataset
    modality : of the volumes that it may see, in DICOM's words; None: CT where the channel is called so
    orientation : in which its training images were stored (``RAS``: the directions in which i, j and k rise).  None:
        volumes are looked at as they are stored, as nnU-Net does
    licence : of the weights; None: what dataset.json says

    Raises
    ------
    ModelError
        For whatever is missing, not supported, or would have to be run.
    """
    plans, dataset = files.plans(folder), files.dataset(folder)
    said, network = files.configuration(plans, configuration)
    path = folder / f"fold_{fold}" / checkpoint
    if not path.is_file():
        raise ModelError(f"the nnU-Net folder has no {path.parent.name}/{path.name}")
    held = nnunet_weights.checkpoint(path)
    weights = held.get("network_weights")
    if not isinstance(weights, dict) or not all(isinstance(tensor, Tensor) for tensor in weights.values()):
        raise ModelError(f"{path.name} is no checkpoint of nnU-Net: it has no network_weights")
    channel, structures = _channel(dataset), _structures(dataset)
    kind = modality or ("CT" if channel.casefold() == "ct" else None)
    if kind is None:
        raise ModelError(f"the channel is called {channel!r}: say the modality of the volumes, such as MR")
    flat = len(said.patch_size) == 2
    topology = _topology(network, len(structures) + 1)
    arrays = nnunet_weights.arrays(weights, topology)
    try:
        descriptor = Descriptor(
            name=name or _word(plans.dataset_name),
            summary=f"{plans.dataset_name}, {configuration}, fold {fold}, of nnU-Net.",
            modalities=(kind,),
            units="HU" if kind == "CT" else "1",
            structures=structures,
            weights=stored(arrays)[1],
            licence=licence or dataset.licence or dataset.license or UNKNOWN,
            training_data=f"{plans.dataset_name}: {dataset.numTraining or 'unknown number of'} cases",
            limits=UNKNOWN,
            intensity=_intensity(plans, said),
            patch=_triple(said.patch_size),
            network=topology,
            peak="voxel",
            grid=_lattice(said, _turned(orientation, plans.transpose_forward)),
            mirror=_mirror(held.get("inference_allowed_mirroring_axes"), flat),
        )
    except ModelError:
        raise
    except ValueError as error:
        raise ModelError(f"the nnU-Net folder makes no model: {error}") from None
    return descriptor, arrays


def _channel(dataset: files.Dataset) -> str:
    """What the one channel is called."""
    channels = dataset.channel_names or dataset.modality or {}
    if len(channels) != 1:
        raise ModelError(f"the network sees {len(channels)} channels at once: one is supported")
    return next(iter(channels.values()))


def _structures(dataset: files.Dataset) -> tuple[Structure, ...]:
    """All labels but the background, and but ``ignore``, which no network makes."""
    found: dict[int, str] = {}
    for name, value in dataset.labels.items():
        single = value if isinstance(value, int) else value[0] if len(value) == 1 else None
        if single is None:
            raise ModelError(f"the label {name!r} is a region of several values: not supported")
        if name != "ignore":
            found[single] = name
    if sorted(found) != list(range(len(dataset.labels) - ("ignore" in dataset.labels))) or len(found) < 2:
        raise ModelError("the labels of dataset.json are not 0 (background), 1, 2, ... without a gap")
    return tuple(Structure(value, found[value].replace("_", " ").lower()) for value in sorted(found) if value)


def _topology(network: files.Architecture | files.Older, classes: int) -> Topology:
    if isinstance(network, files.Older):
        old, residual = network, network.UNet_class_name == "ResidualEncoderUNet"
        count = len(old.n_conv_per_stage_encoder)
        widths = [min(old.UNet_base_num_features << s, old.unet_max_num_features) for s in range(count)]
        kernels, strides = old.conv_kernel_sizes, old.pool_op_kernel_sizes
        encoder: files.PerStage | None = old.n_conv_per_stage_encoder
        decoder: files.PerStage = old.n_conv_per_stage_decoder
    else:
        new, residual = network.arch_kwargs, network.network_class_name.endswith("ResidualEncoderUNet")
        count, widths = new.n_stages, new.features_per_stage
        kernels, strides, decoder = new.kernel_sizes, new.strides, new.n_conv_per_stage_decoder
        encoder = new.n_blocks_per_stage if residual else new.n_conv_per_stage
    if encoder is None:
        raise ModelError("plans.json does not say how many convolutions a stage has")
    try:
        return Topology(
            classes=classes,
            widths=tuple(widths),
            kernels=tuple(map(_triple, kernels)),
            strides=tuple(map(_triple, strides)),
            encoder=_each(encoder, count),
            decoder=_each(decoder, count - 1)[::-1],  # nnU-Net's begins with the coarsest
            residual=residual,
        )
    except ValueError as error:
        raise ModelError(f"plans.json: the network cannot be: {error}") from None


def _intensity(plans: files.Plans, said: files.Configuration) -> Intensity:
    scheme = said.normalization_schemes[0] if said.normalization_schemes else None
    if scheme == "CTNormalization":
        seen = plans.foreground_intensity_properties_per_channel.get("0")
        if seen is None:
            raise ModelError("plans.json lacks the intensities of channel 0")
        return Fixed(seen.percentile_00_5, seen.percentile_99_5, seen.mean, seen.std)
    if scheme == "ZScoreNormalization":
        if any(said.use_mask_for_norm):
            raise ModelError("use_mask_for_norm: voxels outside the mask stay 0 in nnU-Net; that is not supported")
        return ZScore()
    if scheme == "RescaleTo01Normalization":
        return Percentiles(0, 100)
    raise ModelError(f"the normalisation {scheme!r} of nnU-Net is not supported")


def _lattice(said: files.Configuration, orientation: str | None) -> Lattice:
    """Nothing is resampled along k for a network in two dimensions."""
    there, back = said.resampling_fn_data_kwargs, said.resampling_fn_probabilities_kwargs
    if back.order != 1 or there.force_separate_z != back.force_separate_z:
        raise ModelError("plans.json: logits are resampled otherwise than linearly, or than the image: not supported")
    if len(said.spacing) != len(said.patch_size):
        raise ModelError("plans.json: spacing and patch_size differ in length")
    k, j, i = [None] * (3 - len(said.spacing)) + [*said.spacing]
    return Lattice(
        spacing=(k, j, i),
        orientation=orientation,
        order=there.order,
        anisotropy=ANISOTROPY if there.force_separate_z is None else None,
        border="nearest",
        normalised=True,
        clip=True,
    )


def _turned(orientation: str | None, forward: list[int]) -> str | None:
    """Directions in which i, j, k rise after nnU-Net has transposed its axes: new axis n is the old ``forward[n]``.

    >>> _turned("RAS", [0, 1, 2]), _turned("RAS", [2, 1, 0])
    ('RAS', 'SAR')
    """
    if sorted(forward) != [0, 1, 2]:
        raise ModelError("plans.json: transpose_forward is no order of three axes")
    if orientation is None:
        if forward != [0, 1, 2]:
            raise ModelError("nnU-Net has exchanged axes: say the orientation in which its training images were stored")
        return None
    kji = orientation[::-1]
    return "".join(kji[axis] for axis in forward)[::-1]


def _mirror(said: object, flat: bool) -> tuple[Axis, ...]:
    """Axes of the patch that nnU-Net mirrors; in two dimensions it counts from j."""
    if said is None:
        return ()
    if not isinstance(said, list | tuple) or not all(axis in range(3 - flat) for axis in said):
        raise ModelError("inference_allowed_mirroring_axes of the checkpoint are no axes")
    return tuple(axis for axis in AXES if axis - flat in said)


def _triple(values: list[int]) -> Triple:
    """Along k, j, i; 1 along k for a network in two dimensions."""
    k, j, i = [1] * (3 - len(values)) + values
    return k, j, i


def _each(value: files.PerStage, count: int) -> tuple[int, ...]:
    return (value,) * count if isinstance(value, int) else tuple(value)


def _word(name: str) -> str:
    """A name that a folder can bear.

    >>> _word("Dataset900_Left Lung")
    'dataset900-left-lung'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "nnunet"
