"""The CPU that runs CUDA kernels: it computes what a GPU would, and refuses what a GPU would not forgive."""

import numpy as np
import pytest

from tests.cuda.standin import device

SOURCE = """
__global__ void reversed(const int* x, int* out, int n) {
    SHARED(int, tile);
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    tile[threadIdx.x] = at < n ? x[at] : 0;
    __syncthreads();
    if (at < n) out[at] = tile[blockDim.x - 1 - threadIdx.x];
}
__global__ void torn(const int* x, int* out, int n) {  // the barrier is missing
    SHARED(int, tile);
    tile[threadIdx.x] = x[threadIdx.x];
    out[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}
__global__ void stuck(const int* x, int* out, int n) {
    if (threadIdx.x < 40) __syncthreads();
}
__global__ void parted(const int* x, int* out, int n) {
    if (threadIdx.x % 2) out[threadIdx.x] = __shfl_down_sync(~0u, x[threadIdx.x], 1);
}
__global__ void summed(const int* x, int* out, int n) {
    int v = x[threadIdx.x];
    for (int by = 16; by; by /= 2) v += __shfl_down_sync(~0u, v, by);
    const int all = __all_sync(~0u, x[threadIdx.x] >= 0), first = __shfl_sync(~0u, x[threadIdx.x], 0);
    if (threadIdx.x % 32 == 0) {
        atomicAdd(out, v);
        atomicMin(out + 1, first);
        atomicMax(out + 2, all);
    }
}
__global__ void halves(const float* x, unsigned short* out, int n) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at < n) out[at] = binary16(x[at]);
}
"""
TESTED = ["reversed", "torn", "stuck", "parted", "summed", "halves"]


def run(oracle, kernel, x, out, n=None, shared=256, blocks=1):
    out = device(out)
    arguments = (device(x), out, np.int32(x.size if n is None else n))
    oracle.launch(SOURCE, kernel, (blocks, 1, 1), (64, 1, 1), arguments, shared)
    return out.get()


def test_threads_share_memory_and_meet_at_barriers(oracle):
    x, out = np.arange(128, dtype="i4"), np.full(128, -1, "i4")
    assert (run(oracle, "reversed", x, out, blocks=2).reshape(2, 64)[:, ::-1].ravel() == x).all()


def test_warps_exchange_and_atomics_add_up(oracle):
    x = np.arange(5, 69, dtype="i4")
    assert run(oracle, "summed", x, np.array([0, 1000, 0], "i4")).tolist() == [x.sum(), 5, 1]


def test_a_missing_barrier_shows(oracle):
    x = np.arange(64, dtype="i4")
    assert (run(oracle, "torn", x, np.full(64, -1, "i4"))[::-1] != x).any()


@pytest.mark.parametrize("kernel", ["stuck", "parted"])
def test_what_not_all_threads_reach_is_an_error(oracle, kernel):
    with pytest.raises(AssertionError, match="not all threads"):
        run(oracle, kernel, np.zeros(64, "i4"), np.zeros(64, "i4"))


@pytest.mark.parametrize(("arguments", "reason"), [((np.int64(3),), "size"), ((), "number of parameters")])
def test_arguments_are_compared_with_the_kernel(oracle, arguments, reason):
    x = device(np.zeros(64, "i4"))
    with pytest.raises(AssertionError, match=reason):
        oracle.launch(SOURCE, "reversed", (1, 1, 1), (64, 1, 1), (x, x, *arguments), 256)


def test_limits_are_those_of_a_gpu(oracle):
    with pytest.raises(AssertionError, match="limits"):
        run(oracle, "reversed", np.zeros(64, "i4"), np.zeros(64, "i4"), shared=64 << 10)


def test_halves_are_rounded_as_numpy_rounds_them(oracle):
    every = np.arange(65536, dtype="u2").view("f2")
    finite = np.sort(every[np.isfinite(every)].astype("f4"))
    middles = (finite[1:] + finite[:-1]) / 2
    near = [np.nextafter(middles, np.float32(side)) for side in (-np.inf, np.inf)]
    extremes = np.array([65519, 65520, 1e6, 3e38, np.inf, 2**-25, 1e-40, 0.0], "f4")
    x = np.concatenate([every.astype("f4"), middles, *near, extremes, -extremes])
    with np.errstate(over="ignore"):
        expected = x.astype("f2")
    made = run(oracle, "halves", x, np.zeros(x.size, "u2"), blocks=-(-x.size // 64)).view("f2")
    assert (np.isnan(made) == np.isnan(expected)).all()
    told = ~np.isnan(expected)
    assert (made[told].view("u2") == expected[told].view("u2")).all()
