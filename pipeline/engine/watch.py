"""When a run must stop by itself."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from pipeline.errors import UsageError
from pipeline.reasons import Reason

ABNORMAL_AFTER = 500
"""A run over at least this many series ..."""

ABNORMAL_FRACTION = 0.2
"""... stops when one reason took more than this part of them."""


@dataclass
class Watch:
    """Counts the refusals of a run.

    Attributes
    ----------
    limit : refusals of this run that are allowed, None for any number
    selected : series that the run is about
    refused : by reason, those known before the run included
    new : refusals of this run
    """

    limit: int | None
    selected: int
    refused: Counter[str]
    new: int = 0

    def count(self, reason: Reason) -> None:
        """One more."""
        self.refused[str(reason)] += 1
        self.new += 1

    def verdict(self) -> str | None:
        """Why the run must stop now, in words; None while it may go on."""
        if self.limit is not None and self.new > self.limit:
            return f"more than {self.limit} volumes failed (--max-failures)"
        if self.selected >= ABNORMAL_AFTER and self.new:
            reason, most = self.refused.most_common(1)[0]
            if most > ABNORMAL_FRACTION * self.selected:
                return f"{reason} took {most} of {self.selected} volumes: that is the archive or a setting, not chance"
        return None


def allowed(limit: str, selected: int) -> int:
    """``12`` or ``5%`` of the selected series, as a number.  Raises UsageError for anything else.

    >>> allowed("5%", 1000)
    50
    """
    match = re.fullmatch(r"(\d+)(%?)", limit)
    if match is None:
        raise UsageError("--max-failures is a number (12) or a part of the selection (5%)")
    number = int(match[1])
    return number * selected // 100 if match[2] else number
