"""The folder ``schemas/`` is what the code says."""

from pathlib import Path

from pipeline.documents import documents

SCHEMAS = Path(__file__).parent.parent / "schemas"


def test_schemas_hold_every_document_and_nothing_else():
    stored = {p.relative_to(SCHEMAS).as_posix(): p.read_text() for p in SCHEMAS.rglob("*") if p.is_file()}
    assert stored == documents(), "run `make schemas`"
