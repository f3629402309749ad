// Channel clustering: the Gram matrix's energies, the groups against all partitions there are, the rows of the groups
// found; and the kernels that do one half of it each.
#include "harness.h"

#include "cluster_arguments.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace interfuse;
using namespace interfuse::test;

namespace {

constexpr int32_t kFloat32 = 0;
constexpr int32_t kBFloat16 = 1;

struct Problem {
    int experts;
    int groups;
    int32_t similarity;
    float lambda;
    int64_t channels;
    int64_t columns;
    int32_t dtype;

    std::string text() const {
        return std::to_string(experts) + " experts, " + std::to_string(groups) + " groups, similarity " +
               std::to_string(similarity) + ", " + std::to_string(channels) + " x " + std::to_string(columns);
    }
};

struct Clustered {
    std::vector<float> base;
    std::vector<std::vector<float>> experts;
    std::vector<float> bank;
    std::vector<uint8_t> groups;
    std::vector<double> energies;
    // What the kernels that do one half each make of the same: the Gram matrices, and the bank for the groups found.
    std::vector<double> grams;
    std::vector<float> merged;
};

Clustered cluster(const Problem& p, bool special = false) {
    const size_t size = static_cast<size_t>(p.channels * p.columns);
    const auto values = [&](uint64_t seed) {
        std::vector<float> result = special ? special_floats(size, seed) : normal_floats(size, seed);
        for (float& value : result) {
            value = p.dtype == kBFloat16 ? bf16_to_float(float_to_bf16(value)) : value;
        }
        return result;
    };
    Clustered c;
    c.base = values(p.columns);
    std::vector<Buffer<uint16_t>*> narrow;
    std::vector<Buffer<float>*> wide;
    const auto place = [&](const std::vector<float>& matrix) -> const void* {
        if (p.dtype == kBFloat16) {
            narrow.push_back(new Buffer<uint16_t>(to_bf16(matrix)));
            return narrow.back()->get();
        }
        wide.push_back(new Buffer<float>(matrix));
        return wide.back()->get();
    };

    ClusterArguments a{};
    ExpertMatrices& m = a.matrices;
    m.base = place(c.base);
    m.base_dtype = p.dtype;
    for (int e = 0; e < p.experts; ++e) {
        c.experts.push_back(values(p.columns * 100 + e));
        m.experts[e] = place(c.experts.back());
        m.expert_dtypes[e] = p.dtype;
    }
    const Buffer<float> bank(p.groups * size);
    const Buffer<uint8_t> groups(p.experts * p.channels);
    const Buffer<double> energies(2 * p.channels);
    const Buffer<unsigned long long> non_finite(1, 0ull);
    a.bank.rows = bank.get();
    a.bank.dtype = kFloat32;
    a.groups = groups.get();
    a.energies = energies.get();
    a.bank.non_finite = non_finite.get();
    m.channels = p.channels;
    m.columns = p.columns;
    m.expert_count = p.experts;
    a.group_count = p.groups;
    a.similarity = p.similarity;
    a.bank.lambda = p.lambda;
    m.aligned = p.columns % 8 == 0;
    const int capacity = p.experts <= 4 ? 4 : p.experts <= 8 ? 8 : 16;
    const int pairs = static_cast<int>((p.columns + 2047) / 2048);
    const unsigned warps = capacity == 16 ? kMaxClusterWarps : std::min(pairs, kMaxClusterWarps);
    const unsigned stage = capacity == 4 ? kClusterStageBytes4 : capacity == 8 ? kClusterStageBytes8 : kClusterStageBytes16;
    launch(("interfuse_cluster_" + std::to_string(capacity)).c_str(), {static_cast<unsigned>(p.channels)}, {warps * 32},
           warps * stage, a);
    c.bank = bank.download();
    c.groups = groups.download();
    c.energies = energies.download();

    const Buffer<double> grams(p.channels * p.experts * p.experts);
    launch(("interfuse_channel_grams_" + std::to_string(capacity)).c_str(), {static_cast<unsigned>(p.channels)},
           {warps * 32}, warps * stage, ChannelGramsArguments{m, grams.get()});
    c.grams = grams.download();
    std::vector<int32_t> rows;
    for (size_t i = 0; i < c.groups.size(); ++i) {
        rows.push_back(static_cast<int32_t>(c.groups[i] * p.channels + i % p.channels));
    }
    const Buffer<int32_t> table(rows);
    const Buffer<float> merged(p.groups * size);
    const Buffer<unsigned long long> merged_non_finite(1, 0ull);
    MergeGroupsArguments merge = {m, a.bank, table.get()};
    merge.bank.rows = merged.get();
    merge.bank.non_finite = merged_non_finite.get();
    launch(("interfuse_merge_groups_" + std::to_string(capacity)).c_str(), {static_cast<unsigned>(p.channels)},
           {kMaxClusterWarps * 32}, 0, merge);
    c.merged = merged.download();
    expect_equal(non_finite.download(), merged_non_finite.download(), p.text() + ": values that are not finite");
    for (Buffer<uint16_t>* buffer : narrow) {
        delete buffer;
    }
    for (Buffer<float>* buffer : wide) {
        delete buffer;
    }
    return c;
}

std::vector<double> delta(const Problem& p, const Clustered& c, int64_t channel, int expert) {
    std::vector<double> result;
    for (int64_t i = channel * p.columns; i < (channel + 1) * p.columns; ++i) {
        result.push_back(c.experts[expert][i] - c.base[i]);
    }
    return result;
}

/// The objective of a partition, from the task vectors themselves; and the energy it loses.
double quality(const std::vector<std::vector<double>>& deltas, const std::vector<int>& partition, int groups,
               int32_t similarity) {
    double total = 0;
    for (int g = 0; g < groups; ++g) {
        std::vector<double> sum(deltas[0].size(), 0.0);
        double energy = 0;
        int count = 0;
        for (size_t e = 0; e < deltas.size(); ++e) {
            if (partition[e] != g) {
                continue;
            }
            double norm = 0;
            for (const double x : deltas[e]) {
                norm += x * x;
            }
            const double scale = similarity == 0 ? (norm == 0 ? 0 : 1 / std::sqrt(norm)) : 1;
            for (size_t i = 0; i < sum.size(); ++i) {
                sum[i] += scale * deltas[e][i];
            }
            energy += norm;
            ++count;
        }
        double square = 0;
        for (const double x : sum) {
            square += x * x;
        }
        total += similarity == 0 ? std::sqrt(square) : square / count - energy;
    }
    return total;
}

/// The best of all partitions, by trying them.
double best(const std::vector<std::vector<double>>& deltas, int groups, int32_t similarity) {
    std::vector<int> partition(deltas.size(), 0);
    double result = -1e300;
    const auto grow = [&](auto&& self, size_t expert, int used) -> void {
        if (expert == deltas.size()) {
            if (used == groups) {
                result = std::max(result, quality(deltas, partition, groups, similarity));
            }
            return;
        }
        for (int g = 0; g < std::min(used + 1, groups); ++g) {
            partition[expert] = g;
            self(self, expert + 1, std::max(used, g + 1));
        }
    };
    grow(grow, 0, 0);
    return result;
}

float group_row(const Problem& p, const Clustered& c, const std::vector<int>& partition, int group, int64_t i) {
    std::vector<float> values;
    for (int e = 0; e < p.experts; ++e) {
        if (partition[e] == group) {
            values.push_back(c.experts[e][i]);
        }
    }
    if (values.size() == 1) {
        return canonical(values[0]);
    }
    const float weight = 1.0f / static_cast<float>(values.size());
    float sum = weight * (values[0] - c.base[i]);
    for (size_t member = 1; member < values.size(); ++member) {
        sum += weight * (values[member] - c.base[i]);
    }
    return canonical(c.base[i] + p.lambda * sum);
}

std::vector<int> partition_of(const Problem& p, const Clustered& c, int64_t channel) {
    std::vector<int> partition;
    int used = 0;
    for (int e = 0; e < p.experts; ++e) {
        partition.push_back(c.groups[e * p.channels + channel]);
        expect(partition[e] <= used, p.text() + ": groups are numbered by their lowest expert");
        used = std::max(used, partition[e] + 1);
    }
    expect(used == p.groups, p.text() + ": no group is empty");
    return partition;
}

void check_rows(const Problem& p, const Clustered& c) {
    std::vector<float> expected(c.bank.size());
    for (int64_t channel = 0; channel < p.channels; ++channel) {
        const std::vector<int> partition = partition_of(p, c, channel);
        for (int g = 0; g < p.groups; ++g) {
            for (int64_t i = channel * p.columns; i < (channel + 1) * p.columns; ++i) {
                expected[g * p.channels * p.columns + i] = group_row(p, c, partition, g, i);
            }
        }
    }
    expect_equal(expected, c.bank, p.text() + ": bank");
    expect_equal(expected, c.merged, p.text() + ": merged as the table says");
}

/// The Gram matrices against the energies, which are sums over the same ones: equal to the last bit.
void check_grams(const Problem& p, const Clustered& c) {
    for (int64_t channel = 0; channel < p.channels; ++channel) {
        const double* gram = &c.grams[channel * p.experts * p.experts];
        double total = 0;
        for (int e = 0; e < p.experts; ++e) {
            total += gram[e * p.experts + e];
            for (int f = 0; f < e; ++f) {
                expect_equal(gram[e * p.experts + f], gram[f * p.experts + e], p.text() + ": both triangles");
            }
        }
        expect_equal(c.energies[2 * channel], total, p.text() + ": energy of the Gram matrix");
    }
}

void check_near(double expected, double actual, double scale, const std::string& what) {
    expect(std::fabs(expected - actual) <= 1e-12 * scale, what + ": " + std::to_string(actual) + ", expected " +
                                                              std::to_string(expected));
}

void check_exact(const Problem& p) {
    const Clustered c = cluster(p);
    check_rows(p, c);
    check_grams(p, c);
    for (int64_t channel = 0; channel < p.channels; ++channel) {
        std::vector<std::vector<double>> deltas;
        double total = 0;
        for (int e = 0; e < p.experts; ++e) {
            deltas.push_back(delta(p, c, channel, e));
            for (const double x : deltas.back()) {
                total += x * x;
            }
        }
        const std::vector<int> partition = partition_of(p, c, channel);
        check_near(total, c.energies[2 * channel], total, p.text() + ": energy");
        check_near(-quality(deltas, partition, p.groups, 1), c.energies[2 * channel + 1], total, p.text() + ": loss");
        if (p.experts <= 8) {
            check_near(best(deltas, p.groups, p.similarity), quality(deltas, partition, p.groups, p.similarity),
                       std::max(1.0, total), p.text() + ": the best partition");
        }
    }
}

const Case exact("cluster: the best partition of up to eight experts", [] {
    for (const int experts : {1, 2, 4, 5, 8}) {
        for (int groups = 1; groups <= experts; ++groups) {
            check_exact({experts, groups, groups % 2, 1.0f, 2, 24, kFloat32});
        }
    }
});

const Case many("cluster: beyond eight experts every group is filled", [] {
    for (const int experts : {9, 16}) {
        for (const int groups : {1, 2, 5, experts}) {
            check_exact({experts, groups, groups % 2, 0.6f, 2, 40, kBFloat16});
        }
    }
});

const Case lengths("cluster: rows of several blocks and rounds, aligned or not", [] {
    for (const int64_t columns : {1, 7, 136, 1024, 1032, 2055, 9224}) {
        check_exact({3, 2, 0, 1.0f, 2, columns, kBFloat16});
        check_exact({6, 3, 1, 1.5f, 1, columns, kFloat32});
    }
    check_exact({12, 3, 1, 1.0f, 1, 3080, kBFloat16});
});

const Case special("cluster: rows of special values", [] {
    const Problem p = {5, 3, 0, 0.5f, 6, 16, kFloat32};
    check_rows(p, cluster(p, true));
});

}  // namespace
