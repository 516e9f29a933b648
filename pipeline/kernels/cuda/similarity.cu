// SSIM, squared and absolute error of two quantised images in one pass: the integers of kernels/quality.py.
//
// The image is cut into cells of `stride` voxels a side, from the first window on; what lies before it is a cell too.
// A thread has one cell: it counts the errors of its voxels and, where a window begins at its first voxel, its SSIM.
// Threads along i are neighbours, so that the voxels that windows share come from the cache.

#include "voxel.cuh"

constexpr i32 INVALID = -32768, CENTRE = 2048;
constexpr f64 ONE = 1073741824.0;
constexpr f64 C1 = 0.01 * 4095 * (0.01 * 4095), C2 = 0.03 * 4095 * (0.03 * 4095);
constexpr u32 WARP = 0xFFFFFFFF;


// sums [6]: windows, SSIM in units of 2^-30, the lowest of them, voxels, squared and absolute differences.
__global__ void __launch_bounds__(128) similarity(
    const i16* __restrict__ a, const i16* __restrict__ b, i32 nj, i32 ni,
    i32 own_k, i32 own_j, i32 own_i, i32 first_k, i32 first_j, i32 first_i, i32 last_k, i32 last_j, i32 last_i,
    i32 size_k, i32 size_j, i32 size_i, i32 stride, i32 lead_k, i32 lead_j, i32 lead_i, i32 windowed, i64* sums) {
    // Where the cell begins: the first one before the array where windows begin inside it.
    const i32 k = first_k + ((i32)blockIdx.z - lead_k) * stride;
    const i32 j = first_j + ((i32)blockIdx.y - lead_j) * stride;
    const i32 i = first_i + ((i32)(blockIdx.x * blockDim.x + threadIdx.x) - lead_i) * stride;
    i64 windows = 0, ssim = 0, lowest = (i64)ONE, voxels = 0, squared = 0, absolute = 0;

    for (i32 p = max(k, 0); p < min(k + stride, own_k); ++p)
        for (i32 q = max(j, 0); q < min(j + stride, own_j); ++q)
            for (i32 r = max(i, 0); r < min(i + stride, own_i); ++r) {
                const i64 at = ((i64)p * nj + q) * ni + r;
                const i32 u = a[at], v = b[at];
                if (u == INVALID || v == INVALID) continue;
                const i32 d = u - v;
                ++voxels;
                squared += d * d;
                absolute += d < 0 ? -d : d;
            }

    if (windowed && k >= 0 && j >= 0 && i >= 0 && k < last_k && j < last_j && i < last_i) {
        i64 su = 0, sv = 0, suu = 0, suv = 0;
        bool good = true;
        for (i32 p = k; p < k + size_k; ++p) {
            i32 u1 = 0, v1 = 0, uu1 = 0, uv1 = 0;  // a slice of up to 49 voxels fits 32 bits
            for (i32 q = j; q < j + size_j; ++q) {
                const i64 line = ((i64)p * nj + q) * ni + i;
#pragma unroll 7
                for (i32 r = 0; r < size_i; ++r) {
                    const i32 u = a[line + r], v = b[line + r];
                    if (u == INVALID || v == INVALID) {
                        good = false;
                        continue;
                    }
                    u1 += u;
                    v1 += v;
                    uu1 += u * u + v * v;
                    uv1 += u * v;
                }
            }
            su += u1;
            sv += v1;
            suu += uu1;
            suv += uv1;
        }
        if (good) {
            const i64 n = (i64)size_k * size_j * size_i;
            const f64 c1 = C1 * n * n, c2 = C2 * n * (n - 1);
            const i64 covariance = n * suv - su * sv, variances = n * suu - su * su - sv * sv;
            const f64 x = (f64)(su + CENTRE * n), y = (f64)(sv + CENTRE * n);
            const f64 similar = (2.0 * x * y + c1) * (2.0 * covariance + c2);
            ssim = (i64)rint(similar / ((x * x + y * y + c1) * (variances + c2)) * ONE);
            windows = 1;
            lowest = ssim;
        }
    }

    i64 mine[6] = {windows, ssim, lowest, voxels, squared, absolute};
#pragma unroll
    for (i32 s = 0; s < 6; ++s) {
#pragma unroll
        for (i32 by = 16; by; by /= 2) {
            const i64 other = __shfl_down_sync(WARP, mine[s], by);
            mine[s] = s == 2 ? min(mine[s], other) : mine[s] + other;
        }
        if (threadIdx.x % 32 == 0) {
            if (s == 2) atomicMin(sums + s, mine[s]);
            else if (mine[s]) atomicAdd((u64*)sums + s, (u64)mine[s]);
        }
    }
}
