"""Every kernel compiles for every GPU that is served, by NVRTC, which needs none.

Needs the extra ``gpu-check``, which ``make test-system`` installs beside the environment.
"""

from pathlib import Path

import pytest

from pipeline.kernels import cuda
from pipeline.kernels.cuda import affine, histogram, philox, resample, similarity

pytestmark = pytest.mark.system

KERNELS = {k: v for m in (affine, histogram, philox, resample, similarity) for k, v in m.KERNELS.items()}
TARGETS = ("sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120")
"""Turing, Ampere (two), Ada, Hopper, Blackwell (two)."""


def told(answer):
    """What an NVRTC call gives, after its status."""
    status, *rest = answer
    assert int(status) == 0, status
    return rest[0] if len(rest) == 1 else rest


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", KERNELS)
def test_compiles(source, target):
    nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="needs the extra gpu-check")
    program = told(nvrtc.nvrtcCreateProgram(cuda.text(source).encode(), source.encode(), 0, [], []))
    for kernel in KERNELS[source]:
        told(nvrtc.nvrtcAddNameExpression(program, kernel.encode()))
    options = [*cuda.OPTIONS, "-ftz=true", f"--gpu-architecture={target}"]  # as CuPy asks
    (status,) = nvrtc.nvrtcCompileProgram(program, len(options), [o.encode() for o in options])
    log = b" " * told(nvrtc.nvrtcGetProgramLogSize(program))
    told(nvrtc.nvrtcGetProgramLog(program, log))
    assert int(status) == 0, log.decode()
    assert not log.strip(b"\0\n "), log.decode()  # no warning either
    for kernel in KERNELS[source]:
        assert told(nvrtc.nvrtcGetLoweredName(program, kernel.encode()))
    assert told(nvrtc.nvrtcGetCUBINSize(program)) > 0


def test_every_source_is_listed():
    sources = Path(cuda.__file__).parent.glob("*.cu")
    assert {source.name for source in sources} == set(KERNELS)
