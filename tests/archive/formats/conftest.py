"""One child process a module: starting it takes longer than most tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.archive.formats.child import Child


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    with Child() as child:
        yield child
