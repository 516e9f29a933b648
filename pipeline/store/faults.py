"""A failing disk, said in one sentence."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.errors import StoreError

_SENTENCES = {
    errno.ENOSPC: "the disk that holds OUT is full: free space and run the same command again",
    errno.EDQUOT: "the quota of the disk that holds OUT is used up: free space and run the same command again",
    errno.EROFS: "OUT is read-only: make it writable and run the same command again",
    errno.EACCES: "OUT may not be written by this user: change its permissions and run the same command again",
    errno.EPERM: "OUT may not be written by this user: change its permissions and run the same command again",
    errno.EIO: "the disk that holds OUT fails: check it, then run the same command again",
}


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn what the operating system says of OUT into a StoreError; nothing that was committed is touched.

    Zarr codecs written in Rust raise RuntimeError with the system's words in it; those are told by
    their error number, which stands in the text.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(_SENTENCES.get(error.errno or 0, "OUT cannot be written")) from None
    except RuntimeError as error:
        known = next((n for n in _SENTENCES if f"os error {n})" in str(error)), None)
        if known is None:
            raise
        raise StoreError(_SENTENCES[known]) from None
