"""What the tests of CUDA kernels share: a stand-in for CuPy, whose kernels run on the CPU."""

import shutil
from collections.abc import Iterator

import pytest

from pipeline.kernels import cuda
from tests.cuda import standin
from tests.cuda.oracle import Oracle


@pytest.fixture(scope="module")
def oracle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    """For the length of a module that says ``SOURCE`` and ``TESTED``: these kernels run on the CPU."""
    if shutil.which("g++") is None:
        pytest.skip("no g++ to run CUDA kernels on the CPU with")
    runner = Oracle(tmp_path_factory.mktemp("cuda"), request.module.SOURCE, request.module.TESTED)
    with pytest.MonkeyPatch.context() as patch, standin.installed():
        patch.setattr(cuda, "launch", runner.launch)
        yield runner
