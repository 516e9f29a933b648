// Philox4x32-10 by voxel, and normal numbers from it: the arithmetic of kernels/philox.py and kernels/elementary.py.
//
// A thread makes the four voxels of a row that share a counter.

#include "voxel.cuh"

struct Words { u32 word[4]; };

__device__ __forceinline__ Words rounds(u32 a, u32 b, u32 c, u32 d, u32 low, u32 high) {
#pragma unroll
    for (i32 n = 0; n < 10; ++n) {
        const u32 first = __umulhi(0xD2511F53u, a), second = __umulhi(0xCD9E8D57u, c);
        const u32 next = 0xCD9E8D57u * c, last = 0xD2511F53u * a;
        a = second ^ b ^ low;
        c = first ^ d ^ high;
        b = next;
        d = last;
        low += 0x9E3779B9u;
        high += 0xBB67AE85u;
    }
    return {{a, b, c, d}};
}

// Natural logarithm of a positive, normal number.
__device__ __forceinline__ f32 logarithm(f32 x) {
    const i32 pattern = __float_as_int(x);
    const i32 power = (pattern - 0x3F3504F3) >> 23;
    const f32 e = (f32)power;
    const f32 z = __int_as_float(pattern - (power << 23)) - 1.0f;
    f32 y = z * 7.0376836292e-2f - 1.1514610310e-1f;
    y = y * z + 1.1676998740e-1f;
    y = y * z - 1.2420140846e-1f;
    y = y * z + 1.4249322787e-1f;
    y = y * z - 1.6668057665e-1f;
    y = y * z + 2.0000714765e-1f;
    y = y * z - 2.4999993993e-1f;
    y = y * z + 3.3333331174e-1f;
    const f32 square = z * z;
    y = y * z * square + e * -2.12194440e-4f;
    return (z + (y - 0.5f * square)) + e * 0.693359375f;
}

// A word, taken as a signed number, to a standard normal number: PPND7.
__device__ __forceinline__ f32 quantile(i32 word) {
    const i32 magnitude = word ^ (word >> 31);
    const f32 centre = ((f32)magnitude + 0.5f) * 0x1p-32f;
    const f32 tail = ((f32)(0x7FFFFFFF - magnitude) + 0.5f) * 0x1p-32f;
    f32 z;
    if (centre < 0.425f) {
        const f32 r = 0.180625f - centre * centre;
        const f32 n = ((r * 5.9109374720e1f + 1.5929113202e2f) * r + 5.0434271938e1f) * r + 3.3871327179f;
        z = centre * n / (((r * 6.7187563600e1f + 7.8757757664e1f) * r + 1.7895169469e1f) * r + 1.0f);
    } else {
        const f32 s = sqrtf(-logarithm(tail)) - 1.6f;
        const f32 n = ((s * 1.7023821103e-1f + 1.3067284816f) * s + 2.7568153900f) * s + 1.4234372777f;
        z = n / ((s * 1.2021132975e-1f + 7.3700164250e-1f) * s + 1.0f);
    }
    return word < 0 ? -z : z;
}

template <class T> struct Drawn;
template <> struct Drawn<u32> { static __device__ __forceinline__ u32 from(u32 word) { return word; } };
template <> struct Drawn<f32> { static __device__ __forceinline__ f32 from(u32 word) { return quantile((i32)word); } };

// out [k, j, i] from lattice index (k0, j0, i0) on: words, or normal numbers.
template <class T>
__global__ void __launch_bounds__(256)
philox(T* out, i32 nj, i32 ni, i32 k0, i32 j0, i32 i0, u32 low, u32 high, u32 stream) {
    const i32 block = (i0 >> 2) + (i32)(blockIdx.x * blockDim.x + threadIdx.x);
    const i32 j = blockIdx.y * blockDim.y + threadIdx.y, k = blockIdx.z;
    if (j >= nj || 4 * block >= i0 + ni) return;
    const Words drawn = rounds((u32)block, (u32)(j0 + j), (u32)(k0 + k), stream, low, high);
    T* line = out + ((i64)k * nj + j) * ni - i0;
#pragma unroll
    for (i32 n = 0; n < 4; ++n) {
        const i32 i = 4 * block + n;
        if (i >= i0 && i < i0 + ni) line[i] = Drawn<T>::from(drawn.word[n]);
    }
}
