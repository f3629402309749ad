// What the tests of sparse and masked banks share: the rows written out, the canonical products, and the batch.
#pragma once

#include "tensors.h"

#include "bank_arguments.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace interfuse::test {

inline float fused_lanes_dot(const float* w, const float* x, int64_t count) {
    std::vector<float> lanes(256, 0.0f);
    for (int64_t j = 0; j < count; ++j) {
        lanes[j % 256] = std::fma(w[j], x[j], lanes[j % 256]);
    }
    for (int half = 128; half > 0; half /= 2) {
        for (int lane = 0; lane < half; ++lane) {
            lanes[lane] += lanes[lane + half];
        }
    }
    return canonical(lanes[0]);
}

/// Fills in a batch of random experts, the lowest of which is `first`, those of one expert side by side.
inline void fill_batch(int batch, int first, int experts, uint64_t seed, ProductBatch& products) {
    Random random(seed);
    std::vector<int32_t> of(batch);
    for (int32_t& expert : of) {
        expert = first + static_cast<int32_t>(random.below(experts - first));
    }
    std::vector<int32_t> order(batch);
    for (int b = 0; b < batch; ++b) {
        order[b] = b;
    }
    std::stable_sort(order.begin(), order.end(), [&](int32_t left, int32_t right) { return of[left] < of[right]; });
    for (int b = 0; b < batch; ++b) {
        products.members[b] = order[b];
        products.experts[b] = of[order[b]];
    }
    products.batch = batch;
}

/// Launches a kernel of products for so many members a warp.
template <typename Arguments>
void launch_products(const char* kernel, int members, int channels_a_warp, const Arguments& arguments) {
    const int groups = (arguments.products.batch + members - 1) / members;
    const int side_by_side = groups < 2 ? 1 : groups < 4 ? 2 : 4;
    const int64_t channels_a_block = kBankWarps / side_by_side * channels_a_warp;
    const int64_t blocks = (arguments.source.channels + channels_a_block - 1) / channels_a_block *
                           ((groups + side_by_side - 1) / side_by_side);
    launch((std::string(kernel) + "_" + std::to_string(members)).c_str(), {static_cast<unsigned>(blocks)},
           {kBankWarps * 32}, 0, arguments);
}

/// The products of a batch with rows written out, [experts from `first` on][channels][columns].
inline std::vector<float> products_of(const std::vector<float>& rows, int first, const std::vector<float>& x,
                                      const ProductBatch& products, int64_t channels, int64_t columns) {
    std::vector<float> y(products.batch * channels);
    for (int b = 0; b < products.batch; ++b) {
        const int64_t member = products.members[b];
        for (int64_t i = 0; i < channels; ++i) {
            const int64_t row = (products.experts[b] - first) * channels + i;
            y[member * channels + i] = fused_lanes_dot(&rows[row * columns], &x[member * columns], columns);
        }
    }
    return y;
}

}  // namespace interfuse::test
