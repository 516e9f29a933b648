// Voxels between memory and arithmetic: what kernels/voxel.py is for numba.
//
// Where the compiler is not CUDA's, whoever includes this has defined __global__, __device__, SHARED, binary16 and
// the intrinsics beforehand.

typedef signed char i8;
typedef short i16;
typedef int i32;
typedef long long i64;
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef float f32;
typedef double f64;
struct f16 { u16 bits; };

#ifdef __CUDACC__
#define SHARED(T, name) \
    extern __shared__ __align__(16) unsigned char shared_memory[]; \
    T* name = reinterpret_cast<T*>(shared_memory)

// Bits of v as IEEE 754 binary16, rounded half to even.
__device__ __forceinline__ u16 binary16(f32 v) {
    u16 bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(v));
    return bits;
}
#endif

// To float32, exactly.  A conversion instruction runs at a quarter of the rate of an addition or less; a small
// integer in the low bits of 2^23 is that number already, and 2^23 is taken off again without rounding.
__device__ __forceinline__ f32 widened(u8 v) { return __int_as_float(0x4B000000 | v) - 8388608.0f; }
__device__ __forceinline__ f32 widened(u16 v) { return __int_as_float(0x4B000000 | v) - 8388608.0f; }
__device__ __forceinline__ f32 widened(i16 v) {
    return __int_as_float(0x4B000000 | (u16)(v ^ 0x8000)) - 8421376.0f;  // 2^23 + 2^15
}
__device__ __forceinline__ f32 widened(f32 v) { return v; }

// v as a voxel: integers are rounded half to even and clipped, NaN is 0.
template <class T> struct As;
template <class T, int LOW, int HIGH> struct Integer {
    static __device__ __forceinline__ T voxel(f32 v) {
        v = rintf(v);
        v = v < (f32)LOW ? (f32)LOW : v;
        v = v > (f32)HIGH ? (f32)HIGH : v;
        return (T)(i32)(v == v ? v : 0.0f);
    }
};
template <> struct As<u8> : Integer<u8, 0, 255> {};
template <> struct As<i16> : Integer<i16, -32768, 32767> {};
template <> struct As<u16> : Integer<u16, 0, 65535> {};
template <> struct As<f16> { static __device__ __forceinline__ f16 voxel(f32 v) { return f16{binary16(v)}; } };
template <> struct As<f32> { static __device__ __forceinline__ f32 voxel(f32 v) { return v; } };

// The interpolated v as a voxel of OUT: through a ramp first as a voxel of IN, so that one pass gives the bits of two.
template <class IN, class OUT, bool RAMP>
__device__ __forceinline__ OUT finished(f32 v, f32 low, f32 high, f32 base, f32 scale) {
    if constexpr (RAMP) {
        v = widened(As<IN>::voxel(v));
        v = v < low ? low : v;
        v = v > high ? high : v;
        v = (v - base) * scale + 0.0f;
    }
    return As<OUT>::voxel(v);
}
