// What a kernel's native tests are written with: one small program over the CUDA driver API that runs the same cases on
// the software device (plain and under sanitizers) and, on a machine with a GPU, on the real driver under
// compute-sanitizer.
//
// A test file NAME_test.cpp holds a few cases:
//
//     #include "harness.h"
//     using namespace interfuse::test;
//
//     const Case doubles("scale: doubles every element", [] {
//         const std::vector<float> x = special_floats(1000, 1);
//         const Buffer<float> source(x);
//         const Buffer<float> result(x.size());
//         launch("interfuse_scale", {4}, {256}, 0, ScaleArguments{source.get(), result.get(), x.size()});
//         expect_equal(scale(x), result.download(), "result");
//     });
//
// Environment: INTERFUSE_CUDA_DRIVER (default libinterfuse_software_cuda.so), INTERFUSE_CUDA_MODULE (default
// interfuse_software_kernels.so, both looked for in ../lib beside the program too), INTERFUSE_CUDA_DEVICE (default 0).
#pragma once

#include "driver/cuda_api.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace interfuse::test {

/// Why a case failed.
class Failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A test case. Constructing one (as a constant of the file) is what makes the runner know it.
class Case {
public:
    /// `name` begins with the kernel and says what is proved.
    Case(const char* name, std::function<void()> body);
};

struct Shape {
    unsigned x = 1, y = 1, z = 1;
};

/// Throws a `Failure` that says `what` unless `condition` holds.
void expect(bool condition, const std::string& what);

/// Allocates device memory; the software device's is 0xFF throughout.
CUdeviceptr allocate(size_t bytes);
void release(CUdeviceptr pointer);
void upload(CUdeviceptr destination, const void* source, size_t bytes);
void download(void* destination, CUdeviceptr source, size_t bytes);
void launch_bytes(const char* kernel, Shape grid, Shape block, unsigned shared_bytes, const void* argument,
                  size_t argument_bytes);

/// Runs a kernel to its end. More than 48 KB of shared memory is asked for where needed.
template <class Arguments>
void launch(const char* kernel, Shape grid, Shape block, unsigned shared_bytes, const Arguments& arguments) {
    static_assert(std::is_trivially_copyable_v<Arguments>);
    launch_bytes(kernel, grid, block, shared_bytes, &arguments, sizeof arguments);
}

/// `count` elements of device memory, freed with the object.
template <class T>
class Buffer {
public:
    explicit Buffer(size_t count) : count_(count), pointer_(count == 0 ? 0 : allocate(count * sizeof(T))) {}
    explicit Buffer(const std::vector<T>& values) : Buffer(values.size()) { write(values); }
    /// `count` elements, each `value`.
    Buffer(size_t count, T value) : Buffer(std::vector<T>(count, value)) {}
    ~Buffer() {
        if (pointer_ != 0) {
            release(pointer_);
        }
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    /// The device's address. `offset` elements further on, for odd alignments.
    T* get(size_t offset = 0) const { return reinterpret_cast<T*>(pointer_) + offset; }
    size_t size() const { return count_; }

    void write(const std::vector<T>& values) const {
        expect(values.size() == count_, "a buffer is written as a whole");
        if (count_ != 0) {
            upload(pointer_, values.data(), count_ * sizeof(T));
        }
    }

    std::vector<T> download() const {
        std::vector<T> values(count_);
        if (count_ != 0) {
            test::download(values.data(), pointer_, count_ * sizeof(T));
        }
        return values;
    }

private:
    size_t count_;
    CUdeviceptr pointer_;
};

/// The elements in hexadecimal and, for numbers, in decimal.
std::string describe(const void* element, size_t bytes, double value);

/// Throws unless both have the same elements bit for bit. The message names the first that differs and how many do.
template <class T>
void expect_equal(const std::vector<T>& expected, const std::vector<T>& actual, const std::string& what) {
    expect(expected.size() == actual.size(), what + ": " + std::to_string(actual.size()) + " elements, expected " +
                                                 std::to_string(expected.size()));
    size_t wrong = 0;
    size_t first = 0;
    for (size_t i = expected.size(); i-- > 0;) {
        if (std::memcmp(&expected[i], &actual[i], sizeof(T)) != 0) {
            ++wrong;
            first = i;
        }
    }
    if (wrong == 0) {
        return;
    }
    double wanted = 0;
    double got = 0;
    if constexpr (std::is_arithmetic_v<T>) {
        wanted = static_cast<double>(expected[first]);
        got = static_cast<double>(actual[first]);
    }
    throw Failure(what + "[" + std::to_string(first) + "] is " + describe(&actual[first], sizeof(T), got) +
                  ", expected " + describe(&expected[first], sizeof(T), wanted) + "; " + std::to_string(wrong) +
                  " of " + std::to_string(expected.size()) + " differ");
}

template <class T>
void expect_equal(const T& expected, const T& actual, const std::string& what) {
    expect_equal(std::vector<T>{expected}, std::vector<T>{actual}, what);
}

// ---- inputs

/// Reproducible numbers for inputs (SplitMix64).
class Random {
public:
    explicit Random(uint64_t seed) : state_(seed) {}
    uint64_t next();
    /// Uniform below `bound`, which is above 0.
    uint64_t below(uint64_t bound) { return next() % bound; }
    /// Roughly normal, standard deviation 1.
    float normal();

private:
    uint64_t state_;
};

/// Ordinary values, roughly normal.
std::vector<float> normal_floats(size_t count, uint64_t seed);

/// Ordinary values, and every fourth or so a NaN of some payload, an infinity, a zero of either sign, a denormal, the
/// largest or smallest number, or a value that ties with its neighbour.
std::vector<float> special_floats(size_t count, uint64_t seed);

// ---- the plain conversions: round to nearest even, one NaN

float bf16_to_float(uint16_t bits);
uint16_t float_to_bf16(float value);
float half_to_float(uint16_t bits);
uint16_t float_to_half(float value);
/// `value`, or the canonical NaN 0x7FC00000.
float canonical(float value);

std::vector<uint16_t> to_bf16(const std::vector<float>& values);
std::vector<uint16_t> to_half(const std::vector<float>& values);

}  // namespace interfuse::test
