"""What can go wrong, grouped by what the caller does next, and the exit code that tells a shell so.

::

    PipelineError
    ├── UsageError (ValueError)      mend the command
    ├── RecipeError (ValueError)     mend the recipe
    ├── ModelError (ValueError)      mend the model, or name another
    ├── KeyMismatch                  use the vault that OUT was made with
    ├── SourceError                  name a source that exists and holds images
    ├── Quarantine                   refuse the series, with a reason; go on with the next
    ├── GeometryError (ValueError)   two grids do not fit together: a bug of the caller
    ├── KindError (TypeError)        labels where intensities are needed: a bug of the caller
    ├── StoreError                   stop; what was committed stays readable
    └── ClusterError                 start the cluster again, then the same command

No message holds a value read from a header, nor a path of the archive.
"""

from __future__ import annotations

from typing import ClassVar

from pipeline.reasons import Reason


class PipelineError(Exception):
    """The root: ``except PipelineError`` catches all that is foreseen."""

    exit_code: ClassVar[int] = 1


class UsageError(PipelineError, ValueError):
    """The command cannot be carried out as it stands."""

    exit_code = 2


class RecipeError(PipelineError, ValueError):
    """The recipe cannot be carried out as it stands."""

    exit_code = 2


class ModelError(PipelineError, ValueError):
    """A model cannot be used as it stands: its descriptor, its weights, or what they need is not there."""

    exit_code = 2


class KeyMismatch(PipelineError):
    """The vault at hand is not the one that OUT was made with."""

    exit_code = 2


class SourceError(PipelineError):
    """A source is missing or holds no image."""

    exit_code = 5


class Quarantine(PipelineError):
    """A series is refused; ``reason`` is the primary code, ``reasons`` all of them."""

    def __init__(self, reason: Reason, *others: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.reasons = (reason, *others)

    def __reduce__(self) -> tuple[type[Quarantine], tuple[Reason, ...]]:
        return type(self), self.reasons


class GeometryError(PipelineError, ValueError):
    """Two grids do not fit together."""


class KindError(PipelineError, TypeError):
    """An intensity stage was handed labels."""


class StoreError(PipelineError):
    """The store cannot be written: full, read-only or failing."""

    exit_code = 4


class ClusterError(PipelineError):
    """The scheduler or all of its workers were lost."""

    exit_code = 4
