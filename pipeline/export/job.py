"""Published outputs, volume by volume, to files that others read.  One volume's trouble is its own."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pipeline.archive.formats.child import Child
from pipeline.archive.origin import Origin, origin
from pipeline.archive.vault import Vault
from pipeline.errors import Quarantine, StoreError, UsageError
from pipeline.export.destination import Destination
from pipeline.export.published import RAW, Content, Published, load, published
from pipeline.export.refusal import Refusal, Refused
from pipeline.reasons import Reason
from pipeline.recipe import Recipe
from pipeline.store.layout import Output
from pipeline.store.ledger import Ledger, Record

Form = Literal["dicom-seg", "nifti", "nrrd"]
SegmentationType = Literal["binary", "labelmap"]


@dataclass(frozen=True)
class Exported:
    """How one output of one volume ended.

    Attributes
    ----------
    output : its name; "" where the volume ended before any was looked at
    files : names below the destination, written now or there already with the same bytes
    written : how many of them were written now
    reason : why there are none, a code of ``Refusal`` or ``Reason``
    where : of an error in this program the place, never the message
    """

    volume_id: str
    output: str = ""
    files: tuple[str, ...] = ()
    written: int = 0
    reason: str | None = None
    where: str = ""


@dataclass(frozen=True)
class Job:
    """What is exported, as what, to where.

    Attributes
    ----------
    names : of outputs; none: all that the form can hold
    vault : who is who; needed for ``dicom-seg`` alone
    """

    output: Output
    recipe: Recipe
    form: Form
    destination: Destination
    names: tuple[str, ...] = ()
    segmentation_type: SegmentationType = "binary"
    vault: Vault | None = None

    def run(self, volumes: Iterable[tuple[str, str]]) -> Iterator[list[Exported]]:
        """For every (volume id, edition) what became of its outputs.

        Raises UsageError where the vault or a library is missing, StoreError where the destination cannot be written.
        """
        if self.form == "dicom-seg":
            _check_highdicom()
            if self.vault is None:
                raise UsageError("a DICOM segmentation repeats the header of its source: name the vault")
        with Child() as child:
            for volume_id, edition in volumes:
                yield list(self._volume(volume_id, edition, child))

    def _volume(self, volume_id: str, edition: str, child: Child) -> Iterator[Exported]:
        ledger = Ledger(self.output.ledger)
        raw = ledger.raw(volume_id)
        record = raw if self.recipe.name == RAW else ledger.derived(volume_id, self.recipe.name)
        if raw is None or record is None:
            yield Exported(volume_id, reason=Refusal.NOT_MADE)
            return
        found = [one for one in published(self.output.root, record) if self._wanted(one)]
        if not found:
            yield Exported(volume_id, reason=Refusal.NO_SUCH_OUTPUT)
            return
        try:
            source = self._origin(volume_id, edition, child)
        except Exception as error:
            yield Exported(volume_id, reason=_reason(error), where=_place(error))
            return
        for one in found:
            yield self._one(one, record, raw, source)

    def _wanted(self, found: Published) -> bool:
        return (found.kind == "labels" or self.form != "dicom-seg") and (not self.names or found.output in self.names)

    def _origin(self, volume_id: str, edition: str, child: Child) -> Origin | None:
        if self.form != "dicom-seg" or self.vault is None:
            return None
        source = origin(self.vault, volume_id, edition, child)
        if source is None:
            raise Refused(Refusal.NOT_DICOM)
        return source

    def _one(self, found: Published, record: Record, raw: Record, source: Origin | None) -> Exported:
        try:
            if source is not None and self._moved(found):
                raise Refused(Refusal.MOVED)
            files = self._encoded(load(found, record, raw), source)
            names = {f"{record['volume_id']}_{self._named(found)}{suffix}": bytes_ for suffix, bytes_ in files.items()}
            written = sum(self.destination.put(name, bytes_) for name, bytes_ in names.items())
        except StoreError:
            raise
        except Exception as error:  # one output ends here, the others go on; of a bug the place is told
            return Exported(record["volume_id"], found.output, reason=_reason(error), where=_place(error))
        return Exported(record["volume_id"], found.output, tuple(names), written)

    def _named(self, found: Published) -> str:
        return found.stem if found.stem == RAW else f"{self.recipe.name}_{found.stem}"

    def _moved(self, found: Published) -> bool:
        chain = dict(self.recipe.chains).get(found.output, ())
        return found.sample or any(getattr(step, "deforms", False) for step in chain)

    def _encoded(self, content: Content, source: Origin | None) -> dict[str, bytes]:
        if source is not None:
            from pipeline.export import segmentation

            return segmentation.encode(content, source, self.segmentation_type)
        if self.form == "nrrd":
            from pipeline.export import nrrd

            return nrrd.encode(content)
        from pipeline.export import nifti

        return nifti.encode(content)


def _check_highdicom() -> None:
    if find_spec("highdicom") is None:
        raise UsageError("DICOM segmentations need highdicom: pip install 'scanmill[dicom-seg]'")


def _reason(error: Exception) -> str:
    match error:
        case Refused():
            return error.reason
        case Quarantine():
            return error.reason
        case MemoryError():
            return Reason.OOM_HOST
    return Reason.INTERNAL


def _place(error: Exception) -> str:
    if isinstance(error, Refused | Quarantine | MemoryError):
        return ""
    frames = traceback.extract_tb(error.__traceback__)[::-1][:4]
    return f"{type(error).__name__} at " + " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames)
