// Resampling along the axes, one pass: trilinear interpolation, ramp and cast; and nearest, which moves bits.
//
// A thread makes one column of up to LINES lines: its place along i is looked up once.  Blends are those of
// kernels/resample.py, in its order: along j, along k, along i, each a + w (b - a).

#include "voxel.cuh"

constexpr int LINES = 4;

template <class IN, class OUT, bool RAMP>
__global__ void __launch_bounds__(256) linear(
    const IN* __restrict__ x, i64 plane, i64 row, OUT* __restrict__ out, i64 out_plane, i64 out_row,
    i32 nj, i32 ni,
    const i32* __restrict__ k_index, const f32* __restrict__ k_part,  // [nk, 2], [nk]
    const i32* __restrict__ j_index, const f32* __restrict__ j_part,
    const i32* __restrict__ i_index, const f32* __restrict__ i_part,
    f32 low, f32 high, f32 base, f32 scale) {
    const i32 i = blockIdx.x * blockDim.x + threadIdx.x;
    const i32 first = (blockIdx.y * blockDim.y + threadIdx.y) * LINES;
    const i32 k = blockIdx.z;
    if (i >= ni) return;
    const i32 left = i_index[2 * i], right = i_index[2 * i + 1];
    const f32 wi = i_part[i], wk = k_part[k];
    const IN* near = x + k_index[2 * k] * plane;
    const IN* far = x + k_index[2 * k + 1] * plane;
#pragma unroll
    for (i32 line = 0; line < LINES; ++line) {
        const i32 j = first + line;
        if (j >= nj) return;
        const i64 j0 = j_index[2 * j] * row, j1 = j_index[2 * j + 1] * row;
        const f32 wj = j_part[j];
        f32 ends[2];
#pragma unroll
        for (i32 end = 0; end < 2; ++end) {
            const i32 at = end ? right : left;
            f32 a = widened(near[j0 + at]), b = widened(near[j1 + at]);
            f32 c = widened(far[j0 + at]), d = widened(far[j1 + at]);
            a = a + wj * (b - a);
            c = c + wj * (d - c);
            ends[end] = a + wk * (c - a);
        }
        const f32 v = ends[0] + wi * (ends[1] - ends[0]);
        out[k * out_plane + j * out_row + i] = finished<IN, OUT, RAMP>(v, low, high, base, scale);
    }
}

template <class T>
__global__ void __launch_bounds__(256) nearest(
    const T* __restrict__ x, i64 plane, i64 row, T* __restrict__ out, i64 out_plane, i64 out_row, i32 nj, i32 ni,
    const i32* __restrict__ k_index, const i32* __restrict__ j_index, const i32* __restrict__ i_index) {
    const i32 i = blockIdx.x * blockDim.x + threadIdx.x;
    const i32 first = (blockIdx.y * blockDim.y + threadIdx.y) * LINES;
    const i32 k = blockIdx.z;
    if (i >= ni) return;
    const T* from = x + k_index[k] * plane + i_index[i];
#pragma unroll
    for (i32 line = 0; line < LINES; ++line) {
        const i32 j = first + line;
        if (j >= nj) return;
        out[k * out_plane + j * out_row + i] = from[j_index[j] * row];
    }
}
