"""What the tests of CUDA kernels share: kernels that run on the CPU."""

import shutil
from collections.abc import Iterator

import pytest

from pipeline.kernels import cuda
from tests.cuda.oracle import Oracle


@pytest.fixture(scope="module")
def oracle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    """For the length of a module that says ``SOURCE`` and ``TESTED``, launches of these kernels run on the CPU."""
    if shutil.which("g++") is None:
        pytest.skip("no g++ to run CUDA kernels on the CPU with")
    folder = tmp_path_factory.mktemp("cuda")
    stand_in = Oracle(folder, request.module.SOURCE, request.module.TESTED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuda, "launch", stand_in.launch)
        yield stand_in
