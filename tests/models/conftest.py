"""What tests of models share."""

from pathlib import Path

import pytest

from pipeline.models import library


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of models, alone."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv(library.VARIABLE, str(folder))
    return folder
