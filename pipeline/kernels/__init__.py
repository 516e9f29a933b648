"""The arithmetic: pure functions of arrays and tables.  They know no volume, no file and no cluster.

Compiled code is kept in the user's cache folder, under a name that is a hash of these sources: numba
looks only at the file that holds a function, and would otherwise reuse code whose helpers have changed.
A ``NUMBA_CACHE_DIR`` that is set already is respected.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from platformdirs import user_cache_dir


def _fingerprint() -> str:
    """16 hex digits of the sources in this folder."""
    digest = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


# Before anything here imports numba, which reads the variable once.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(user_cache_dir("scanmill")) / "numba" / _fingerprint()))
