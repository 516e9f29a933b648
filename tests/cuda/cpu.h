// Runs a CUDA kernel on a CPU, one block after the other, one fiber a thread.
//
// Barriers, warp exchanges, shared memory (poisoned), atomics and the roundings are real; a barrier that not all
// threads reach is an error.  Every second block runs its threads in reverse order, which finds some of the barriers
// that are missing.  Threads take turns and never run at once: races proper are not found.

#pragma once
#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n)
#define SHARED(T, name) T* name = reinterpret_cast<T*>(cpu::shared.data())

template <class T> T min(T a, T b) { return b < a ? b : a; }
template <class T> T max(T a, T b) { return a < b ? b : a; }

struct Dim { unsigned x, y, z; };
inline Dim threadIdx, blockIdx, blockDim, gridDim;

namespace cpu {

enum State { READY, WARP, BLOCK, DONE };
struct Fiber {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(64 << 10);
    State state;
    Dim index;
};

inline std::vector<std::uint64_t> shared;
inline std::vector<Fiber> fibers;
inline std::vector<std::uint64_t> slots;  // what each thread hands to its warp
inline ucontext_t scheduler;
inline unsigned current;
inline void (*body)(void*);  // the kernel, and what it is given
inline void* given;
inline const char* failure = "";

inline int fail(const char* reason) { failure = reason; return 1; }

inline void wait(State at) {
    fibers[current].state = at;
    swapcontext(&fibers[current].context, &scheduler);
}

inline void entry() {
    body(given);
    fibers[current].state = DONE;
}

inline bool block(unsigned threads, bool reversed) {
    for (unsigned t = 0; t < threads; ++t) {
        Fiber& f = fibers[t];
        f.state = READY;
        f.index = {t % blockDim.x, t / blockDim.x % blockDim.y, t / (blockDim.x * blockDim.y)};
        getcontext(&f.context);
        f.context.uc_stack.ss_sp = f.stack.data();
        f.context.uc_stack.ss_size = f.stack.size();
        f.context.uc_link = &scheduler;
        makecontext(&f.context, entry, 0);
    }
    while (true) {
        unsigned ran = 0, done = 0, blocked = 0;
        for (unsigned n = 0; n < threads; ++n) {
            const unsigned t = reversed ? threads - 1 - n : n;
            if (fibers[t].state != READY) continue;
            ++ran;
            current = t;
            threadIdx = fibers[t].index;
            swapcontext(&scheduler, &fibers[t].context);
        }
        for (unsigned t = 0; t < threads; ++t) {
            done += fibers[t].state == DONE;
            blocked += fibers[t].state == BLOCK;
        }
        if (done == threads) return true;
        for (unsigned warp = 0; warp < threads; warp += 32) {
            const unsigned end = min(warp + 32, threads);
            unsigned waiting = 0;
            for (unsigned t = warp; t < end; ++t) waiting += fibers[t].state == WARP;
            if (waiting == end - warp)
                for (unsigned t = warp; t < end; ++t) fibers[t].state = READY, ++ran;
        }
        if (blocked == threads)
            for (unsigned t = 0; t < threads; ++t) fibers[t].state = READY, ++ran;
        if (!ran) return false;
    }
}

inline int launch(Dim grid, Dim threads, std::size_t bytes, void (*kernel)(void*), void* with) {
    const unsigned n = threads.x * threads.y * threads.z;
    if (n > 1024 || bytes > 48 * 1024 || grid.y > 65535 || grid.z > 65535) return fail("beyond a GPU's limits");
    if (fibers.size() < n) fibers.resize(n);
    slots.resize(n);
    gridDim = grid, blockDim = threads, body = kernel, given = with;
    for (unsigned z = 0; z < grid.z; ++z)
        for (unsigned y = 0; y < grid.y; ++y)
            for (unsigned x = 0; x < grid.x; ++x) {
                blockIdx = {x, y, z};
                shared.assign(bytes / 8 + 1, 0xCDCDCDCDCDCDCDCDull);
                if (!block(n, (x + y + z) % 2)) return fail("a barrier that not all threads reach");
            }
    return 0;
}

// As cuLaunchKernel takes arguments: a pointer to each; sizes are compared, which a GPU does not do.
template <class... A> struct Call {
    void (*kernel)(A...);
    void** arguments;
    template <int... n> void with(std::integer_sequence<int, n...>) { kernel(*static_cast<A*>(arguments[n])...); }
    static void run(void* self) { static_cast<Call*>(self)->with(std::make_integer_sequence<int, sizeof...(A)>()); }
};
template <class... A>
int call(void (*kernel)(A...), const unsigned* shape, std::size_t bytes, void** arguments, const int* sizes, int count) {
    const int own[] = {(int)sizeof(A)...};
    if (count != (int)sizeof...(A)) return fail("the kernel has another number of parameters");
    for (int n = 0; n < count; ++n)
        if (own[n] != sizes[n]) return fail("a parameter has another size");
    Call<A...> told{kernel, arguments};
    return launch({shape[0], shape[1], shape[2]}, {shape[3], shape[4], shape[5]}, bytes, Call<A...>::run, &told);
}

template <class T> T exchange(T value, unsigned from) {  // the value of another thread of the block
    std::memcpy(&slots[current], &value, sizeof(T));
    wait(WARP);
    std::memcpy(&value, &slots[from], sizeof(T));
    wait(WARP);
    return value;
}

}  // namespace cpu

extern "C" const char* why() { return cpu::failure; }

inline void __syncthreads() { cpu::wait(cpu::BLOCK); }
inline void __syncwarp() { cpu::wait(cpu::WARP); }
template <class T> T __shfl_down_sync(unsigned, T value, int by) {
    return cpu::exchange(value, cpu::current % 32 + by < 32 ? cpu::current + by : cpu::current);
}
inline int __all_sync(unsigned, int predicate) {
    cpu::slots[cpu::current] = predicate != 0;
    cpu::wait(cpu::WARP);
    bool all = true;
    for (unsigned lane = 0; lane < 32; ++lane) all &= cpu::slots[cpu::current / 32 * 32 + lane] != 0;
    cpu::wait(cpu::WARP);
    return all;
}
template <class T> T __shfl_sync(unsigned, T value, int lane) {
    return cpu::exchange(value, cpu::current / 32 * 32 + lane);
}

template <class T, class U> T atomicAdd(T* at, U value) { T old = *at; *at = (T)(old + value); return old; }
template <class T, class U> T atomicMin(T* at, U value) { T old = *at; *at = min(old, (T)value); return old; }
template <class T, class U> T atomicMax(T* at, U value) { T old = *at; *at = max(old, (T)value); return old; }

inline float __int_as_float(int v) { float f; std::memcpy(&f, &v, 4); return f; }
inline int __float_as_int(float v) { int i; std::memcpy(&i, &v, 4); return i; }
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((std::uint64_t)a * b >> 32); }

inline std::uint16_t binary16(float v) {
    const std::uint32_t bits = (std::uint32_t)__float_as_int(v), sign = bits >> 16 & 0x8000, size = bits & 0x7FFFFFFF;
    if (size > 0x7F800000) return sign | 0x7E00;
    if (size >= 0x477FF000) return sign | 0x7C00;  // half a step above the largest number and beyond
    if (size < 0x38800000) {                       // subnormal: in steps of 2^-24, rounded by the addition
        const float magnitude = __int_as_float((int)size) + 0.5f;
        return sign | (std::uint16_t)(__float_as_int(magnitude) - 0x3F000000);
    }
    return sign | (std::uint16_t)((size - 0x38000000 + 0xFFF + (size >> 13 & 1)) >> 13);
}
