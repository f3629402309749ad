// Magnitudes counted in bins.
#include "select_pairs.cuh"

/// Counts in `bin_count` shared words of a block, then adds what is not zero to the bins. Each block takes one chunk,
/// of less than 2^31 elements.
extern "C" __global__ void __launch_bounds__(interfuse::selection::kThreads)
    interfuse_select_histogram(const interfuse::selection::SelectHistogramArguments a) {
    using namespace interfuse::selection;
    INTERFUSE_DYNAMIC_SHARED(unsigned, bins);
    for (int i = static_cast<int>(threadIdx.x); i < a.bin_count; i += kThreads) {
        bins[i] = 0;
    }

    __syncthreads();
    const int64_t begin = static_cast<int64_t>(blockIdx.x) * a.chunk;
    const int64_t end = min(begin + a.chunk, a.pair.length);
    visit_groups(a.pair, begin, end, [&](int64_t, int count, const float(&deltas)[kGroup]) {
        Run run;
#pragma unroll
        for (int i = 0; i < kGroup; ++i) {
            const unsigned m = magnitude_bits(deltas[i]);
            const unsigned bin = (m - a.low) >> a.shift;
            if (i < count && m >= a.low && bin < static_cast<unsigned>(a.bin_count)) {
                run.add(bins, bin);
            }
        }

        add_to_bin(bins, run.bin, run.count);
    });

    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < a.bin_count; i += kThreads) {
        if (bins[i] != 0) {
            atomicAdd(&a.bins[i], static_cast<unsigned long long>(bins[i]));
        }
    }
}
INTERFUSE_KERNEL(interfuse_select_histogram)
