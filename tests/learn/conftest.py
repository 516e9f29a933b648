"""One small OUT for all tests of the training."""

from pathlib import Path

import pytest

from tests.learn import made


@pytest.fixture(scope="session")
def balls(tmp_path_factory: pytest.TempPathFactory, vault_folder: Path) -> tuple[Path, Path]:
    """(OUT, recipe file)"""
    return made.out(tmp_path_factory.mktemp("balls"))
