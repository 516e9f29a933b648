// Resampling along axes that are not parallel: the positions of kernels/positions.py, at which lies the nearest
// voxel, a blend of eight, or a weighted sum of 64 B-spline coefficients, as in kernels/affine.py.
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

// A position, clamped to the outermost centres or by `margin` beyond, and whether it lies on the source.
struct Place { f64 at; bool inside; };

__device__ __forceinline__ Place place(const Axis& axis, i32 n, const Target& t, i32 k, i32 j, i32 i, f64 margin) {
    f64 p = ((axis.a * (f64)(t.k0 + k) + axis.b * (f64)(t.j0 + j)) + axis.d) + axis.c * (f64)(t.i0 + i);
    if (t.points) {
        const f64* d = t.bent + (((i64)n * t.nk + k) * t.nj + j) * t.points + t.first[i];
        const f64* w = t.weight + 4 * (i64)i;
        p = p + (((d[0] * w[0] + d[1] * w[1]) + d[2] * w[2]) + d[3] * w[3]);
    }
    p = rint(p * GRAIN) * (1.0 / GRAIN);
    const f64 least = axis.low, most = axis.high - 1.0;
    const bool inside = p >= least - HALF && p <= most + HALF;
    p = p < least - margin ? least - margin : p;
    return {p > most + margin ? most + margin : p, inside};
}

#define PARAMETERS                                                                                                  \
    i32 nj, i32 ni, i64 k0, i64 j0, i64 i0, const Axis *__restrict__ axes, i32 points,                               \
        const f64 *__restrict__ bent, const i64 *__restrict__ first, const f64 *__restrict__ weight
#define PLACES(margin)                                                                                              \
    const i32 i = blockIdx.x * blockDim.x + threadIdx.x, j = blockIdx.y * blockDim.y + threadIdx.y, k = blockIdx.z; \
    if (i >= ni || j >= nj) return;                                                                                 \
    const Target t{k0, j0, i0, (i32)gridDim.z, nj, ni, points, bent, first, weight};                                \
    const Place at[3] = {place(axes[0], 0, t, k, j, i, margin), place(axes[1], 1, t, k, j, i, margin),               \
                         place(axes[2], 2, t, k, j, i, margin)};                                                    \
    const bool inside = at[0].inside && at[1].inside && at[2].inside

template <class IN, class KEPT, class OUT, bool RAMP>
__global__ void __launch_bounds__(256) affine_linear(
    const IN* __restrict__ x, i64 plane, i64 row, OUT* __restrict__ out, i64 out_plane, i64 out_row, PARAMETERS,
    const OUT* __restrict__ fill, f32 low, f32 high, f32 base, f32 scale) {
    PLACES(0.0);
    OUT* made = out + k * out_plane + j * out_row + i;
    if (!inside) {
        *made = *fill;
        return;
    }
    const i64 strides[3] = {plane, row, 1};
    i64 near[3], far[3];
    f32 part[3];
#pragma unroll
    for (i32 n = 0; n < 3; ++n) {
        const f64 whole = floor(at[n].at);
        part[n] = (f32)(at[n].at - whole);
        near[n] = (i64)(whole - axes[n].start) * strides[n];
        far[n] = near[n] + (whole < axes[n].high - 1.0 ? strides[n] : 0);
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

// The cubic B-splines at -1, 0, 1, 2, seen from p of the way from 0 to 1.
__device__ __forceinline__ void bsplines(f32 p, f32* w) {
    const f32 q = 1.0f - p, sixth = (f32)(1.0 / 6.0);
    w[0] = q * q * q * sixth;
    w[1] = (4.0f - 3.0f * p * p * (2.0f - p)) * sixth;
    w[2] = (4.0f - 3.0f * q * q * (2.0f - q)) * sixth;
    w[3] = p * p * p * sixth;
}

// x: coefficients; a place looks at the voxel before, its own and two more along each axis.
template <class KEPT, class OUT, bool RAMP>
__global__ void __launch_bounds__(256) affine_cubic(
    const f32* __restrict__ x, i64 plane, i64 row, OUT* __restrict__ out, i64 out_plane, i64 out_row, PARAMETERS,
    const OUT* __restrict__ fill, f32 low, f32 high, f32 base, f32 scale) {
    PLACES(HALF);
    OUT* made = out + k * out_plane + j * out_row + i;
    if (!inside) {
        *made = *fill;
        return;
    }
    const i64 strides[3] = {plane, row, 1};
    f32 w[3][4];
#pragma unroll
    for (i32 n = 0; n < 3; ++n) {
        const f64 whole = floor(at[n].at);
        x += (i64)(whole - 1.0 - axes[n].start) * strides[n];
        bsplines((f32)(at[n].at - whole), w[n]);
    }
    f32 s[4] = {0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll
    for (i32 a = 0; a < 4; ++a)
#pragma unroll
        for (i32 b = 0; b < 4; ++b) {
            const f32 v = w[0][a] * w[1][b];
#pragma unroll
            for (i32 c = 0; c < 4; ++c) s[c] = s[c] + v * x[a * plane + b * row + c];
        }
    const f32 sum = ((s[0] * w[2][0] + s[1] * w[2][1]) + s[2] * w[2][2]) + s[3] * w[2][3];
    *made = finished<KEPT, OUT, RAMP>(sum, low, high, base, scale);
}

template <class T>
__global__ void __launch_bounds__(256) affine_nearest(
    const T* __restrict__ x, i64 plane, i64 row, T* __restrict__ out, i64 out_plane, i64 out_row, PARAMETERS,
    const T* __restrict__ fill) {
    PLACES(0.0);
    const i64 strides[3] = {plane, row, 1};
#pragma unroll
    for (i32 n = 0; n < 3; ++n) x += inside ? (i64)(floor(at[n].at + 0.5) - axes[n].start) * strides[n] : 0;
    out[k * out_plane + j * out_row + i] = inside ? *x : *fill;
}

__global__ void __launch_bounds__(256) affine_inside(u8* __restrict__ out, PARAMETERS) {
    PLACES(0.0);
    out[((i64)k * nj + j) * ni + i] = inside;
}
