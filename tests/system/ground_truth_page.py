"""The page that says how real series compare with their references.

``python -m tests.system.ground_truth_page DATA`` writes its tables anew; DATA holds the unpacked sets.  The second
table is left as it is where no dcm2niix is on the path.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from tests.system import dcm2niix, ground_truth
from tests.system.ground_truth_cases import CASES

PAGE = Path(__file__).parents[2] / "docs" / "ground-truth.md"


def on_page(name: str) -> str:
    """A table as it stands there."""
    return _parts(PAGE.read_text(), name)[1]


def _parts(text: str, name: str) -> tuple[str, str, str]:
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    before, _, rest = text.partition(begin)
    table, _, after = rest.partition(end)
    return before + begin, table, end + after


def _write(name: str, table: str) -> None:
    before, _, after = _parts(PAGE.read_text(), name)
    PAGE.write_text(before + table + after)


def _main(data: Path) -> None:
    with tempfile.TemporaryDirectory() as text:
        root = Path(text)
        found = {case: ground_truth.find(case, lambda name: data / name, root / str(n)) for n, case in enumerate(CASES)}
        _write("references", ground_truth.table(found.values()))
        executable = shutil.which("dcm2niix")
        if executable:
            rows = []
            for n, case in enumerate(dcm2niix.BESIDE):
                folder = root / f"peer{n}"
                folder.mkdir()
                rows.append((found[case], dcm2niix.written(executable, data / case.source, found[case], folder)))
            _write("dcm2niix", dcm2niix.table(rows))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
