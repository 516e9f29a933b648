"""A model's card in words, for stdout."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from pipeline.models.descriptor import Descriptor, Lattice
from pipeline.models.intensity import Fixed, Intensity, Percentiles
from pipeline.models.library import Model
from pipeline.structure import Structure

WIDTH, INDENT = 110, 14


def lines(model: Model) -> Iterator[str]:
    """The name and the summary, then a paragraph for each thing that there is to say."""
    said = model.descriptor
    yield printable(f"{said.name}: {said.summary}")
    units = "any units" if said.units == "1" else said.units
    yield from _paragraph("for", f"{', '.join(said.modalities)}, intensities in {units}")
    for n, structure in enumerate(said.structures):
        yield from _paragraph("" if n else "finds", _structure(structure))
    yield from _paragraph("looks at", _looks(said))
    yield from _paragraph("intensities", _intensity(said.intensity))
    package = said.weights.package
    where = f"in the package {package}" if package else "packaged" if model.packaged else "in your folder"
    yield from _paragraph("weights", f"{said.weights.format}, {where}: {', '.join(said.weights.files)}")
    yield from _paragraph("licence", said.licence)
    yield from _paragraph("trained on", said.training_data)
    yield from _paragraph("limits", said.limits)
    for n, figure in enumerate(said.figures):
        yield from _paragraph("" if n else "figures", figure)
    yield from _paragraph("sha256", model.sha256)


def printable(text: str) -> str:
    """The same with a space for what is no sign: what a model says cannot steer a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _paragraph(head: str, text: str) -> list[str]:
    return wrap(printable(text), WIDTH, initial_indent=f"  {head}".ljust(INDENT), subsequent_indent=" " * INDENT)


def _structure(structure: Structure) -> str:
    """``1  left lung (SNOMED CT 44029006, Left lung)``."""
    meaning = structure.meaning or structure.name
    code = f" (SNOMED CT {structure.code}, {meaning})" if structure.code else ""
    return f"{structure.value}  {structure.name}{code}"


def _looks(said: Descriptor) -> str:
    patch = " x ".join(map(str, said.patch))
    if said.method == "located":
        return f"the whole volume, then the box that it finds there, as {patch} voxels"
    shared = f"each {said.overlap:.0%} in common with the next"
    parts = [f"patches of {patch} voxels (k, j, i)", _lattice(said.grid), shared]
    if said.air is not None:
        parts.append(f"but none without a voxel above {said.air:g}")
    return ", ".join(parts)


def _lattice(lattice: Lattice) -> str:
    spacing = "the source's spacing" if lattice.spacing is None else f"{_numbers(lattice.spacing)} mm"
    return f"of {spacing}" + (f", turned to {lattice.orientation}" if lattice.orientation else "")


def _numbers(values: tuple[float | None, ...]) -> str:
    return " x ".join("as it is" if value is None else f"{value:g}" for value in values)


def _intensity(rule: Intensity) -> str:
    if isinstance(rule, Fixed):
        return f"{rule.lower:g} to {rule.upper:g}, minus {rule.mean:g}, over {rule.sd:g}"
    if isinstance(rule, Percentiles):
        return f"percentiles {rule.lower:g} to {rule.upper:g} of the volume become 0 to 1"
    return "minus the mean, over the standard deviation of the volume" + (", zeros left out" if rule.nonzero else "")
