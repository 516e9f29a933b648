"""Compiled code lies in the user's cache folder, or where NUMBA_CACHE_DIR says, under the hash of the sources."""

import os
import subprocess
import sys

import pipeline.kernels as kernels

ASK = "import pipeline.kernels.intensity, numba; print(numba.config.CACHE_DIR)"


def cache_folder(**extra):
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"} | extra
    return subprocess.run(
        [sys.executable, "-c", ASK], env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_compiled_code_goes_to_the_cache_folder(tmp_path):
    folder = cache_folder(XDG_CACHE_HOME=str(tmp_path), HOME=str(tmp_path))
    assert folder.startswith(str(tmp_path))
    assert folder.endswith(kernels._fingerprint())
    assert cache_folder(NUMBA_CACHE_DIR=str(tmp_path / "mine")) == str(tmp_path / "mine")


def test_the_name_changes_with_any_source(tmp_path, monkeypatch):
    (tmp_path / "__init__.py").write_text("")
    monkeypatch.setattr(kernels, "__file__", str(tmp_path / "__init__.py"))
    names = {kernels._fingerprint()}
    for name, text in [("a.py", "x = 1"), ("a.py", "x = 2"), ("b.py", "")]:
        (tmp_path / name).write_text(text)
        names.add(kernels._fingerprint())
    assert len(names) == 4
