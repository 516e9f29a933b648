// Exact histograms.  Counts are integers: no order of additions changes them.
//
// A block counts in shared memory those voxels that lie in a window of WINDOW bins, and the others in global memory.
// The window begins at the lowest of the block's first voxels; of floats it ends at the largest.  Most neighbours are
// equal in medical images, and equal increments wait for one another: runs within 16 bytes are added at once, and a
// warp that sees a single value adds it once.

#include "voxel.cuh"

constexpr i32 WINDOW = 12 * 1024 - 32;  // with the place of the window below 48 KiB, which every GPU grants unasked
constexpr u32 WARP = 0xFFFFFFFF;

struct __align__(16) Vector { u32 word[4]; };

// By the type of a voxel's bits: the bin that it counts in, and where bins stand in a row, so that those of one image
// are neighbours.  Signed integers are, modulo 2^16; floats count by their upper half, and are with the sign last.
template <class T> struct Bins {
    typedef T Bin;
    static constexpr bool FROM_TOP = false;
    static __device__ __forceinline__ T bin(T bits) { return bits; }
    static __device__ __forceinline__ T place(T bin) { return bin; }
    static __device__ __forceinline__ T at(T place) { return place; }
};
template <> struct Bins<u32> {
    typedef u16 Bin;
    static constexpr bool FROM_TOP = true;
    static __device__ __forceinline__ u16 bin(u32 bits) { return (u16)(bits >> 16); }
    static __device__ __forceinline__ u16 place(u16 bin) { return (u16)(bin << 1 | bin >> 15); }
    static __device__ __forceinline__ u16 at(u16 place) { return (u16)(place >> 1 | place << 15); }
};

template <class T> struct Table {
    typedef typename Bins<T>::Bin Bin;
    static constexpr i32 SPAN = sizeof(T) == 1 ? 256 : WINDOW;
    u32* shared;  // of this warp
    u64* counts;
    Bin low;

    __device__ __forceinline__ void add(Bin bin, u32 times) {
        const Bin place = (Bin)(Bins<T>::place(bin) - low);
        if (place < SPAN) atomicAdd(shared + place, times);
        else atomicAdd(counts + bin, (u64)times);
    }
};

// counts [256 or 65536] by bits (u8, u16), by the upper half of bits (u32); weights: 0 and 1, or none.
template <class T, bool WEIGHTED>
__global__ void __launch_bounds__(512) count(const T* __restrict__ x, i64 n, const u8* __restrict__ weights, u64* counts) {
    typedef Bins<T> B;
    typedef typename B::Bin Bin;
    constexpr i32 EACH = sizeof(Vector) / sizeof(T), COPIES = sizeof(T) == 1 ? 16 : 1;
    SHARED(u32, memory);
    i32* begin = (i32*)(memory + WINDOW);
    const i64 head = min((i64)(-(u64)x % sizeof(Vector) / sizeof(T)), n);
    const i64 full = WEIGHTED ? 0 : (n - head) / EACH & ~(i64)31;  // vectors, in whole warps
    const Vector* vectors = (const Vector*)(x + head);
    const i64 at = (i64)blockIdx.x * blockDim.x + threadIdx.x, step = (i64)gridDim.x * blockDim.x;

    for (i32 bin = threadIdx.x; bin < WINDOW; bin += blockDim.x) memory[bin] = 0;
    if (threadIdx.x == 0) *begin = B::FROM_TOP ? 0 : 32767;
    __syncthreads();
    if (sizeof(T) > 1 && at < (full ? full : n)) {
        const Bin first = B::place(B::bin(full ? (T)vectors[at].word[0] : x[at]));
        if (B::FROM_TOP) atomicMax(begin, (i32)first);
        else atomicMin(begin, (i32)(i16)first);
    }
    __syncthreads();
    const Bin low = (Bin)(sizeof(T) == 1 ? 0 : B::FROM_TOP ? *begin - WINDOW + 1 : *begin);
    Table<T> table{memory + threadIdx.x / 32 % COPIES * 256, counts, low};

    for (i64 v = at; v < full; v += step) {
        const Vector q = vectors[v];
        Bin bins[EACH];
        bool flat = true;
#pragma unroll
        for (i32 e = 0; e < EACH; ++e) {
            bins[e] = B::bin((T)(q.word[e * sizeof(T) / 4] >> (e * sizeof(T) % 4 * 8)));
            flat &= bins[e] == bins[0];
        }
        const u32 leader = __shfl_sync(WARP, (u32)bins[0], 0);
        if (__all_sync(WARP, flat && bins[0] == leader)) {
            if (threadIdx.x % 32 == 0) table.add(bins[0], 32 * EACH);
            continue;
        }
        Bin run = bins[0];
        u32 times = 1;
#pragma unroll
        for (i32 e = 1; e < EACH; ++e) {
            if (bins[e] != run) {
                table.add(run, times);
                run = bins[e];
                times = 0;
            }
            ++times;
        }
        table.add(run, times);
    }
    for (i64 v = at; v < n; v += step) {
        if (v >= head && v < head + full * EACH) {  // seen; on to the first voxel after
            v += (head + full * EACH - 1 - v) / step * step;
            continue;
        }
        const u32 weight = WEIGHTED ? weights[v] : 1;
        if (weight) table.add(B::bin(x[v]), weight);
    }
    __syncthreads();
    for (i32 place = threadIdx.x; place < Table<T>::SPAN; place += blockDim.x) {
        u32 sum = 0;
        for (i32 copy = 0; copy < COPIES; ++copy) sum += memory[copy * 256 + place];
        if (sum) atomicAdd(counts + B::at((Bin)(place + low)), (u64)sum);
    }
}

// The key of a float sorts as the float does; see kernels/histogram.py.
__device__ __forceinline__ u32 key_of(u32 pattern) { return pattern >> 31 ? ~pattern : pattern ^ 0x80000000u; }

// counts [65536, 3] by upper half key: voxels, sum of lower half keys, and of their squares; odd: NaN, infinities.
template <bool WEIGHTED>
__global__ void __launch_bounds__(256)
count_float32(const u32* __restrict__ x, i64 n, const u8* __restrict__ weights, u64* counts, u64* odd) {
    const i64 step = (i64)gridDim.x * blockDim.x;
    const i32 lane = threadIdx.x % 32;
    for (i64 base = (i64)blockIdx.x * blockDim.x + threadIdx.x - lane; base < n; base += step) {
        const i64 v = base + lane;
        const bool counted = v < n && (!WEIGHTED || weights[v]);
        const u32 pattern = counted ? x[v] : 0;
        const u32 leader = __shfl_sync(WARP, pattern, 0);
        const bool same = __all_sync(WARP, counted && pattern == leader);
        if (!counted || (same && lane)) continue;
        const u64 times = same ? 32 : 1;
        if ((pattern & 0x7F800000) == 0x7F800000) {
            atomicAdd(odd + (pattern & 0x007FFFFF ? 0 : 1), times);
            continue;
        }
        const u32 key = key_of(pattern);
        const u64 low = key & 0xFFFF;
        u64* bin = counts + 3 * (u64)(key >> 16);
        atomicAdd(bin, times);
        atomicAdd(bin + 1, times * low);
        atomicAdd(bin + 2, times * low * low);
    }
}

// counts [rows, 65536] by the lower half of the bits, of voxels whose upper half has a row; row [65536], from 1 on, or 0.
template <bool WEIGHTED>
__global__ void __launch_bounds__(256)
detail(const u32* __restrict__ x, i64 n, const u8* __restrict__ weights, const u8* __restrict__ row, u64* counts) {
    const i64 step = (i64)gridDim.x * blockDim.x;
    for (i64 v = (i64)blockIdx.x * blockDim.x + threadIdx.x; v < n; v += step) {
        if (WEIGHTED && !weights[v]) continue;
        const u32 bits = x[v];
        const i64 at = row[bits >> 16];
        if (at) atomicAdd(counts + ((at - 1) << 16 | (bits & 0xFFFF)), (u64)1);
    }
}
