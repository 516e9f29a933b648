"""The command line: exit codes, streams, clear sentences."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.recipe import packaged
from tests.archive.makers import ct_series
from tests.engine.jobs import BODY, archive, everything


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with an archive, a recipe and a vault of its own."""
    monkeypatch.setenv("SCANMILL_VAULT", str(tmp_path / "vault"))
    monkeypatch.chdir(tmp_path)
    archive(tmp_path / "archive", series=1)
    (tmp_path / "body.yaml").write_text(BODY)
    return tmp_path


def call(*arguments):
    return main([str(a) for a in arguments])


def test_the_whole_way(place, capsys):
    assert call("run", "body.yaml", "-o", "out", "archive", "--workers", 0) == 3
    out = capsys.readouterr().out
    assert "16 files found = 8 converted + 7 quarantined + 1 skipped + 0 duplicate" in out
    assert "DUPLICATE_POSITION" in out
    before = everything(place / "out")

    assert call("run", "body.yaml", "-o", "out", "archive", "--workers", 0) == 3
    assert "nothing to do; nothing was written" in capsys.readouterr().out
    assert call("plan", "body.yaml", "-o", "out") == 0
    assert "2 up to date" in capsys.readouterr().out
    assert call("status", "-o", "out", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    assert status["published"] == {"raw": 2, "body": 2}
    assert status["last_run"]["exit_code"] == 3
    assert call("report", "-o", "out") == 0
    assert "(0 files written)" in capsys.readouterr().out
    assert everything(place / "out") == before


def test_scan_says_what_it_will_not_touch_and_converts_nothing(place, capsys):
    assert call("scan", "archive", "-o", "out", "--json", "--workers", 1) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["found"], found["pending"], found["quarantined"]) == (16, 8, 7)
    assert not (place / "out" / "raw").exists()
    assert call("plan", "body.yaml", "-o", "out", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["states"] == {"to do": 2, "stale": 0, "up to date": 0, "refused": 1}


def test_exit_0_when_the_selection_holds_nothing_bad(place):
    ct_series(place / "good")
    assert call("run", "raw", "-o", "out", "good", "--workers", 0) == 0
    assert call("run", "raw", "-o", "out2", "archive", "--workers", 0, "--where", "verdict = 'accepted'") == 0


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["run", "nothing", "-o", "out", "archive"], 2, "no recipe 'nothing'"),
        (
            ["run", "wrong.yaml", "-o", "out", "archive"],
            2,
            "line 3: no parameter of 'window' 'centre'; did you mean 'center'?",
        ),
        (["run", "raw", "-o", "out", "absent"], 5, ""),
        (["run", "raw", "-o", "out", "empty"], 5, "no source holds an image"),
        (["run", "raw", "-o", "out"], 5, "nothing was scanned"),
        (["run", "raw", "-o", "out", "archive", "--vault", "out/vault"], 2, "outside"),
        (["run", "raw", "-o", "out", "archive", "--memory-limit", "8"], 2, "8GB"),
        (["run", "raw", "-o", "out", "archive", "--where", "modalty = 'CT'"], 2, "where"),
        (["run", "raw", "-o", "out", "archive", "--shard", "3/3"], 2, "I/N"),
        (["run", "raw", "-o", "out", "archive", "--scheduler", "tcp://192.0.2.1:1"], 2, "tls"),
        (["run", "raw", "-o", "file/out", "archive"], 4, "OUT"),
        (["plan", "raw", "-o", "out"], 5, "nothing was scanned"),
        (["schema", "nonsense"], 2, "no schema"),
        (["rum"], 2, "rum"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(place, capsys, arguments, code, sentence):
    (place / "empty").mkdir()
    (place / "file").write_text("")
    (place / "wrong.yaml").write_text("name: x\nstages:\n  - {use: window, centre: 40, width: 400, keep: image}\n")
    assert call(*arguments) == code
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert "Traceback" not in captured.err
    assert str(place) not in captured.err


def test_an_output_of_another_key_is_refused(place, monkeypatch, capsys):
    assert call("scan", "archive", "-o", "out", "--workers", 1) == 0
    assert call("scan", "archive", "-o", "out", "--vault", "other", "--workers", 1) == 2
    assert call("scan", "archive", "-o", "third", "--vault", "fresh", "--workers", 1) == 0
    assert call("scan", "archive", "-o", "out", "--vault", "fresh", "--workers", 1) == 2
    assert "vault" in capsys.readouterr().err


def test_an_error_of_the_program_tells_its_place_and_no_message(place, monkeypatch, capsys):
    monkeypatch.setattr("pipeline.recipe.load", lambda *_: 1 / 0)
    assert call("plan", "raw", "-o", "out") == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert "division by zero" not in err


@pytest.mark.parametrize("arguments", [["-v", "plan", "raw", "-o", "out"], ["plan", "raw", "-o", "out", "--verbose"]])
def test_verbose_shows_the_traceback_wherever_it_stands(place, monkeypatch, capsys, arguments):
    monkeypatch.setattr("pipeline.recipe.load", lambda *_: 1 / 0)
    assert call(*arguments) == 1
    assert "division by zero" in capsys.readouterr().err


def test_schemas_are_printed_by_name(capsys):
    assert call("schema") == 0
    names = capsys.readouterr().out.split()
    assert {"recipe.json", "reasons.json", "tables/volumes.json"} <= set(names)
    assert call("schema", "recipe") == 0
    assert json.loads(capsys.readouterr().out)["title"] == "scanmill recipe"


def test_help_imports_nothing_heavy():
    program = (
        "import sys; from pipeline.cli import main; main(['--help']); "
        "heavy = {'numpy', 'dask', 'distributed', 'zarr', 'numba', 'pyarrow', 'pydicom', 'SimpleITK', 'duckdb'}; "
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "Exit codes" in done.stdout


def test_the_console_script_is_there():
    script = Path(sys.executable).with_name("scanmill")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("scanmill, version ")


def test_the_help_names_every_packaged_recipe(capsys):
    assert call("run", "--help") == 0
    told = capsys.readouterr().out
    assert all(name in told for name in packaged())
