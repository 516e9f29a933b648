"""What must become of every file of the demo archive."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from pipeline.reasons import Outcome, Reason


@dataclass(frozen=True)
class Ending:
    """How some files of one series (or one stray file) must end.

    Attributes
    ----------
    what : the series or stray file, in words
    files : how many files end so
    outcome : how they end once everything that is accepted has been converted
    reason : why, unless they are converted
    modality : what a recipe's ``where`` sees of their series; None for what belongs to no series
    volumes : volumes that come of them: 1 for the images of a converted series
    labels : label maps that come of them
    """

    what: str
    files: int
    outcome: Outcome
    reason: Reason | None = None
    modality: str | None = None
    volumes: int = 0
    labels: int = 0


@dataclass(frozen=True)
class Expected:
    """The endings of all files, and their counts.

    >>> chest = Ending("chest", 60, Outcome.CONVERTED, None, "CT", volumes=1)
    >>> head = Ending("head", 1, Outcome.CONVERTED, None, "MR", volumes=1)
    >>> stray = Ending("text", 1, Outcome.SKIPPED, Reason.NOT_AN_IMAGE)
    >>> expected = Expected((chest, head, stray))
    >>> expected.outcomes("CT")
    {'converted': 60, 'quarantined': 0, 'skipped': 1, 'duplicate': 0, 'pending': 1}
    >>> expected.found, expected.volumes("CT"), expected.reasons()
    (62, 1, {'NOT_AN_IMAGE': 1})
    """

    endings: tuple[Ending, ...]

    @property
    def found(self) -> int:
        """Files in all."""
        return sum(e.files for e in self.endings)

    def outcomes(self, modality: str | None = None) -> dict[str, int]:
        """Files by outcome after a run over ``modality`` (None: all of them).

        What is accepted but not selected is ``pending``; what is refused is refused by the scan, selected or not.
        """
        counts = dict.fromkeys([*map(str, Outcome), "pending"], 0)
        for ending in self.endings:
            waits = ending.outcome is Outcome.CONVERTED and modality not in (None, ending.modality)
            counts["pending" if waits else str(ending.outcome)] += ending.files
        return counts

    def reasons(self) -> dict[str, int]:
        """Files by reason, in the order of the codes."""
        counts = {r: sum(e.files for e in self.endings if e.reason is r) for r in Reason}
        return {str(reason): n for reason, n in counts.items() if n}

    def volumes(self, modality: str | None = None) -> int:
        """Volumes published as raw by a run over ``modality`` (None: all of them)."""
        return sum(e.volumes for e in self.endings if modality in (None, e.modality))

    def describe(self) -> str:
        """A line an ending, and the sum, for people."""
        lines = [f"{e.files:>6}  {e.outcome:<12} {e.reason or '':<18} {e.what}" for e in self.endings]
        sums = ", ".join(f"{n} {outcome}" for outcome, n in self.outcomes().items() if n)
        return "\n".join([*lines, f"{self.found:>6}  files, once all is run: {sums}"])

    def to_json(self) -> str:
        """One object of ``found`` and ``endings``; ``from_json`` gives an equal value back."""
        return json.dumps({"found": self.found, "endings": [asdict(e) for e in self.endings]}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Expected:
        """The value that ``to_json`` wrote."""
        rows = json.loads(text)["endings"]
        for row in rows:
            row["outcome"] = Outcome(row["outcome"])
            row["reason"] = row["reason"] and Reason(row["reason"])
        return cls(tuple(Ending(**row) for row in rows))
