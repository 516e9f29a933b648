// Resampling along axes that are not parallel: the positions of kernels/positions.py, nearest and linear.
//
// A position is a polynomial of the target's lattice index in float64; what is not inside is filled.

#include "voxel.cuh"

constexpr f64 GRAIN = 1073741824.0, HALF = 0.5 + 1e-6;

// One axis of the source: position = ((k a + j b) + d) + i c, bounds [low, high), index of the array's first voxel.
struct Axis { f64 a, b, c, d, low, high, start; };

// The target's first lattice index and its lengths; of each axis of the source a displacement, contracted along k
// and j to `points` a line, or none: `bent` [3, nk, nj, points], which voxels of a line look at from `first` on.
struct Target {
    i64 k0, j0, i0;
    i32 nk, nj, ni, points;
    const f64* bent;
    const i64* first;   // [ni]
    const f64* weight;  // [ni, 4]
};

struct Place { f64 at; bool inside; };

__device__ __forceinline__ Place place(const Axis& axis, i32 n, const Target& t, i32 k, i32 j, i32 i) {
    f64 p = ((axis.a * (f64)(t.k0 + k) + axis.b * (f64)(t.j0 + j)) + axis.d) + axis.c * (f64)(t.i0 + i);
    if (t.points) {
        const f64* d = t.bent + (((i64)n * t.nk + k) * t.nj + j) * t.points + t.first[i];
        const f64* w = t.weight + 4 * (i64)i;
        p = p + (((d[0] * w[0] + d[1] * w[1]) + d[2] * w[2]) + d[3] * w[3]);
    }
    p = rint(p * GRAIN) * (1.0 / GRAIN);
    const bool inside = p >= axis.low - HALF && p <= axis.high - 1.0 + HALF;
    p = p < axis.low ? axis.low : p;
    return {p > axis.high - 1.0 ? axis.high - 1.0 : p, inside};
}

#define TARGET                                                                                                     \
    const i32 i = blockIdx.x * blockDim.x + threadIdx.x, j = blockIdx.y * blockDim.y + threadIdx.y, k = blockIdx.z; \
    if (i >= ni || j >= nj) return;                                                                                 \
    const Target t{k0, j0, i0, (i32)gridDim.z, nj, ni, points, bent, first, weight};                                \
    const Place pk = place(axes[0], 0, t, k, j, i), pj = place(axes[1], 1, t, k, j, i),                              \
                pi = place(axes[2], 2, t, k, j, i)

template <class IN, class KEPT, class OUT, bool RAMP>
__global__ void __launch_bounds__(256) affine(
    const IN* __restrict__ x, i64 plane, i64 row, OUT* __restrict__ out, i64 out_plane, i64 out_row,
    i32 nj, i32 ni, i64 k0, i64 j0, i64 i0, const Axis* __restrict__ axes,
    i32 points, const f64* __restrict__ bent, const i64* __restrict__ first, const f64* __restrict__ weight,
    const OUT* __restrict__ fill, f32 low, f32 high, f32 base, f32 scale) {
    TARGET;
    OUT* made = out + k * out_plane + j * out_row + i;
    if (!(pk.inside && pj.inside && pi.inside)) {
        *made = *fill;
        return;
    }
    const Place at[3] = {pk, pj, pi};
    i64 near[3], far[3];
    f32 part[3];
    const i64 strides[3] = {plane, row, 1};
#pragma unroll
    for (i32 n = 0; n < 3; ++n) {
        const f64 whole = floor(at[n].at), next = min(whole + 1.0, axes[n].high - 1.0);
        part[n] = (f32)(at[n].at - whole);
        near[n] = (i64)(whole - axes[n].start) * strides[n];
        far[n] = (i64)(next - axes[n].start) * strides[n];
    }
    f32 lines[4];
#pragma unroll
    for (i32 n = 0; n < 4; ++n) {
        const IN* line = x + (n / 2 ? far[0] : near[0]) + (n % 2 ? far[1] : near[1]);
        const f32 a = widened(line[near[2]]);
        lines[n] = a + part[2] * (widened(line[far[2]]) - a);
    }
    const f32 a = lines[0] + part[1] * (lines[1] - lines[0]);
    const f32 c = lines[2] + part[1] * (lines[3] - lines[2]);
    *made = finished<KEPT, OUT, RAMP>(a + part[0] * (c - a), low, high, base, scale);
}

template <class T>
__global__ void __launch_bounds__(256) affine_nearest(
    const T* __restrict__ x, i64 plane, i64 row, T* __restrict__ out, i64 out_plane, i64 out_row,
    i32 nj, i32 ni, i64 k0, i64 j0, i64 i0, const Axis* __restrict__ axes,
    i32 points, const f64* __restrict__ bent, const i64* __restrict__ first, const f64* __restrict__ weight,
    const T* __restrict__ fill) {
    TARGET;
    const i64 at = (i64)(floor(pk.at + 0.5) - axes[0].start) * plane + (i64)(floor(pj.at + 0.5) - axes[1].start) * row +
                   (i64)(floor(pi.at + 0.5) - axes[2].start);
    out[k * out_plane + j * out_row + i] = pk.inside && pj.inside && pi.inside ? x[at] : *fill;
}

__global__ void __launch_bounds__(256) affine_inside(
    u8* __restrict__ out, i32 nj, i32 ni, i64 k0, i64 j0, i64 i0, const Axis* __restrict__ axes,
    i32 points, const f64* __restrict__ bent, const i64* __restrict__ first, const f64* __restrict__ weight) {
    TARGET;
    out[((i64)k * nj + j) * ni + i] = pk.inside && pj.inside && pi.inside;
}
