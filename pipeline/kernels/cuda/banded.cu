// One pass of a separable operator of any number of taps along one axis: cubic interpolation, box averages, Gaussians.
//
// Products are added one after the other, as kernels/banded.py does.  Lanes run along i; the threads of a block lie
// side by side along the axis of the pass, so that the voxels that rows share come from the cache.

#include "voxel.cuh"

// AXIS 0, 1, 2: along k, j, i.  index, weight [taps, rows of that axis].
template <class IN, class KEPT, class OUT, bool RAMP, i32 AXIS>
__global__ void __launch_bounds__(256) banded(
    const IN* __restrict__ x, i64 plane, i64 row, OUT* __restrict__ out, i64 out_plane, i64 out_row,
    i32 nk, i32 nj, i32 ni, i32 taps, const i32* __restrict__ index, const f32* __restrict__ weight,
    f32 low, f32 high, f32 base, f32 scale) {
    const i32 i = blockIdx.x * blockDim.x + threadIdx.x;
    const i32 y = blockIdx.y * blockDim.y + threadIdx.y, z = blockIdx.z;
    const i32 j = AXIS == 0 ? z : y, k = AXIS == 0 ? y : z;
    if (i >= ni || j >= nj || k >= nk) return;
    const i32 rows = AXIS == 0 ? nk : AXIS == 1 ? nj : ni, at = AXIS == 0 ? k : AXIS == 1 ? j : i;
    const i64 step = AXIS == 0 ? plane : AXIS == 1 ? row : 1;
    const IN* from = x + (AXIS == 0 ? 0 : k * plane) + (AXIS == 1 ? 0 : j * row) + (AXIS == 2 ? 0 : i);
    f32 sum = weight[at] * widened(from[index[at] * step]);
#pragma unroll 4
    for (i32 n = 1; n < taps; ++n) {
        const i64 tap = (i64)n * rows + at;
        sum = sum + weight[tap] * widened(from[index[tap] * step]);
    }
    out[k * out_plane + j * out_row + i] = finished<KEPT, OUT, RAMP>(sum, low, high, base, scale);
}
