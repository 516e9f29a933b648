// Exact histograms.  Counts are integers: no order of additions changes them.
//
// A block counts in shared memory those values that lie in a window of WINDOW bins from the lowest of its first
// voxels on (CT and MR hardly ever leave it) and the others in global memory.  Most neighbours are equal in medical
// images, and equal increments wait for one another: runs within 16 bytes are added at once, and a warp that sees a
// single value adds it once.

#include "voxel.cuh"

constexpr i32 WINDOW = 12 * 1024 - 32;  // with the lowest value below 48 KiB, which every GPU grants unasked
constexpr u32 WARP = 0xFFFFFFFF;

struct __align__(16) Vector { u32 word[4]; };

template <class T> struct Table {
    static constexpr i32 SPAN = sizeof(T) == 1 ? 256 : WINDOW;
    u32* bins;  // of this warp
    u64* counts;
    T low;

    __device__ __forceinline__ void add(T pattern, u32 times) {
        const T bin = (T)(pattern - low);
        if (bin < SPAN) atomicAdd(bins + bin, times);
        else atomicAdd(counts + pattern, (u64)times);
    }
};

// counts [256 or 65536] by bit pattern, of u8 or u16; weights: 0 and 1, or none.
template <class T, bool WEIGHTED>
__global__ void __launch_bounds__(512) count(const T* __restrict__ x, i64 n, const u8* __restrict__ weights, u64* counts) {
    constexpr i32 EACH = sizeof(Vector) / sizeof(T), COPIES = sizeof(T) == 1 ? 16 : 1;
    SHARED(u32, memory);
    i32* lowest = (i32*)(memory + WINDOW);
    const i64 head = min((i64)(-(u64)x % sizeof(Vector) / sizeof(T)), n);
    const i64 full = WEIGHTED ? 0 : (n - head) / EACH & ~(i64)31;  // vectors, in whole warps
    const Vector* vectors = (const Vector*)(x + head);
    const i64 at = (i64)blockIdx.x * blockDim.x + threadIdx.x, step = (i64)gridDim.x * blockDim.x;

    for (i32 bin = threadIdx.x; bin < WINDOW; bin += blockDim.x) memory[bin] = 0;
    if (threadIdx.x == 0) *lowest = 32767;
    __syncthreads();
    if (sizeof(T) > 1 && at < full) atomicMin(lowest, (i32)(i16)vectors[at].word[0]);
    if (sizeof(T) > 1 && !full && at < n) atomicMin(lowest, (i32)(i16)x[at]);
    __syncthreads();
    Table<T> table{memory + threadIdx.x / 32 % COPIES * 256, counts, (T)(sizeof(T) == 1 ? 0 : *lowest)};

    for (i64 v = at; v < full; v += step) {
        const Vector q = vectors[v];
        const u32 first = q.word[0];
        const u32 repeated = sizeof(T) == 1 ? (first & 0xFF) * 0x01010101u : (first & 0xFFFF) * 0x00010001u;
        const bool flat = first == repeated && first == q.word[1] && first == q.word[2] && first == q.word[3];
        const u32 leader = __shfl_sync(WARP, first, 0);
        if (__all_sync(WARP, flat && first == leader)) {
            if (threadIdx.x % 32 == 0) table.add((T)first, 32 * EACH);
            continue;
        }
        T run = (T)first;
        u32 times = 1;
#pragma unroll
        for (i32 e = 1; e < EACH; ++e) {
            const T value = (T)(q.word[e * sizeof(T) / 4] >> (e * sizeof(T) % 4 * 8));
            if (value != run) {
                table.add(run, times);
                run = value;
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
        if (weight) table.add(x[v], weight);
    }
    __syncthreads();
    for (i32 bin = threadIdx.x; bin < Table<T>::SPAN; bin += blockDim.x) {
        u32 sum = 0;
        for (i32 copy = 0; copy < COPIES; ++copy) sum += memory[copy * 256 + bin];
        if (sum) atomicAdd(counts + (T)(bin + table.low), (u64)sum);
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

// counts [rows, 65536] by lower half key, of voxels whose upper half key has a row; row [65536], -1 where it has none.
template <bool WEIGHTED>
__global__ void __launch_bounds__(256)
detail(const u32* __restrict__ x, i64 n, const u8* __restrict__ weights, const i32* __restrict__ row, u64* counts) {
    const i64 step = (i64)gridDim.x * blockDim.x;
    for (i64 v = (i64)blockIdx.x * blockDim.x + threadIdx.x; v < n; v += step) {
        if (WEIGHTED && !weights[v]) continue;
        const u32 key = key_of(x[v]);
        const i32 at = row[key >> 16];
        if (at >= 0) atomicAdd(counts + ((i64)at << 16 | (key & 0xFFFF)), (u64)1);
    }
}
