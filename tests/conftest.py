"""What all tests share: hypothesis profiles, a vault of their own, and real images where they are at hand."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two tests at once share two cores
os.environ["SCANMILL_MODELS"] = str(ROOT / "tests" / "models" / "folders")

settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session", autouse=True)
def vault_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a vault may be made: no test ever comes near the user's own."""
    folder = tmp_path_factory.mktemp("home") / "vault"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCANMILL_VAULT", str(folder))
        yield folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``data("set")`` is the folder of that set of real images, ``data()`` the folder that holds all of them.

    Looked for in SCANMILL_DATA, else beside the checkout in shared/data; sets that are packed there are unpacked
    into a folder of the session.  Skips where they are not at hand.
    """
    source = Path(os.environ.get("SCANMILL_DATA") or ROOT.parent / "shared" / "data")
    unpacked = tmp_path_factory.mktemp("data")

    def folder(name: str | None = None) -> Path:
        if not source.is_dir() or (name and not (source / name).is_dir()):
            pytest.skip(f"no real images at hand{f' ({name})' if name else ''}: set SCANMILL_DATA")
        if not (source / "unpack").is_file():
            return source / name if name else source
        subprocess.run([source / "unpack", unpacked, *([name] if name else [])], check=True, capture_output=True)
        return unpacked / name if name else unpacked

    return folder
