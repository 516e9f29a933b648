"""Every kernel compiles for every GPU that is served, by NVRTC, which needs none.

Needs the extra ``gpu-check``, which ``make test-system`` installs beside the environment.
"""

import pytest

from pipeline.kernels import cuda
from pipeline.kernels.cuda import affine, banded, histogram, linear, philox, similarity

pytestmark = pytest.mark.system

FAMILIES = (affine, banded, histogram, linear, philox, similarity)
TARGETS = ("sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120")
"""Turing, Ampere (two), Ada, Hopper, Blackwell (two)."""


def told(answer):
    """What an NVRTC call gives, after its status."""
    status, *rest = answer
    assert int(status) == 0, status
    return rest[0] if len(rest) == 1 else rest


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__.rpartition(".")[2])
def test_compiles(family, target):
    nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="needs the extra gpu-check")
    name = family.__name__.rpartition(".")[2] + ".cu"
    program = told(nvrtc.nvrtcCreateProgram(cuda.text(name).encode(), name.encode(), 0, [], []))
    for kernel in family.KERNELS:
        told(nvrtc.nvrtcAddNameExpression(program, kernel.encode()))
    options = [*cuda.OPTIONS, f"--gpu-architecture={target}"]
    (status,) = nvrtc.nvrtcCompileProgram(program, len(options), [o.encode() for o in options])
    log = b" " * told(nvrtc.nvrtcGetProgramLogSize(program))
    told(nvrtc.nvrtcGetProgramLog(program, log))
    assert int(status) == 0, log.decode()
    assert not log.strip(b"\0\n "), log.decode()  # no warning either
    for kernel in family.KERNELS:
        assert told(nvrtc.nvrtcGetLoweredName(program, kernel.encode()))
    assert told(nvrtc.nvrtcGetCUBINSize(program)) > 0
