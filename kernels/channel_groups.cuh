// Groups of a channel's experts merged: their rows of a bank.
#pragma once

#include "cluster.cuh"

namespace interfuse {

// A channel's groups in shared memory: their experts, their rows of the bank, and the experts in the groups' order.
struct ChannelGroups {
    uint32_t sets[kMaxExperts];
    int64_t rows[kMaxExperts];
    uint8_t order[kMaxExperts];
    // Where in that order a group begins and ends, one bit per place.
    uint32_t begins;
    uint32_t ends;
};

// Sorts the experts by group, from the sets: by one thread.
static __device__ void order_experts(ChannelGroups& groups, int count) {
    uint32_t begins = 0;
    uint32_t ends = 0;
    int place = 0;
    for (int group = 0; group < count; ++group) {
        begins |= 1u << place;
        for (uint32_t left = groups.sets[group]; left != 0; left &= left - 1u) {
            groups.order[place++] = static_cast<uint8_t>(lowest_expert(left));
        }
        ends |= 1u << (place - 1);
    }
    groups.begins = begins;
    groups.ends = ends;
}

static __device__ __forceinline__ int store_group(
    const GroupBank& bank, int32_t aligned, int64_t index, int64_t available, const float (&values)[8]) {
    if (aligned != 0) {
        return store_elements<8>(bank.rows, bank.dtype, index, values);
    }
    int non_finite = 0;
#pragma unroll
    for (int k = 0; k < 8; ++k) {
        if (k < available) {
            non_finite += store_element(bank.rows, bank.dtype, index + k, values[k]);
        }
    }
    return non_finite;
}

// The thread block writes the rows of a channel's groups: base + lambda * (sum of (1 / count) * (x - base)), but a lone
// expert's own row as it is. Experts come in the order of their groups, so that one sum at a time is enough.
template <int Capacity>
static __device__ __forceinline__ void write_groups(
    const ExpertMatrices& m, const GroupBank& bank, int64_t channel, const ChannelGroups& groups) {
    const uint32_t begins = groups.begins;
    const uint32_t ends = groups.ends;
    const bool needs_base = begins != ends;
    int non_finite = 0;
    for (int64_t column = threadIdx.x * 8; column < m.columns; column += blockDim.x * 8) {
        const int64_t index = channel * m.columns + column;
        const int64_t available = m.columns - column;
        Packed<8> packed[Capacity];
#pragma unroll
        for (int place = 0; place < Capacity; ++place) {
            if (place < m.expert_count) {
                expert_reader(m, groups.order[place]).fetch(index, available, packed[place]);
            }
        }
        float base[8] = {};
        if (needs_base) {
            const RowReader reader = base_reader(m);
            Packed<8> packed_base;
            reader.fetch(index, available, packed_base);
            reader.take(index, available, m.aligned, packed_base, base);
        }

        float sum[8];
        float weight = 1.0f;
        int group = 0;
#pragma unroll
        for (int place = 0; place < Capacity; ++place) {
            if (place < m.expert_count) {
                float values[8];
                expert_reader(m, groups.order[place]).take(index, available, m.aligned, packed[place], values);
                const bool first = (begins >> place & 1u) != 0;
                const bool last = (ends >> place & 1u) != 0;
                if (first) {
                    // As many as there are places to the group's end.
                    weight = 1.0f / static_cast<float>(__ffs(static_cast<int>(ends >> place)));
                }
#pragma unroll
                for (int k = 0; k < 8; ++k) {
                    const float part = weight * (values[k] - base[k]);
                    sum[k] = first ? part : sum[k] + part;
                }
                if (last) {
#pragma unroll
                    for (int k = 0; k < 8; ++k) {
                        values[k] = first ? values[k] : base[k] + bank.lambda * sum[k];
                    }
                    const int64_t row = groups.rows[group];
                    non_finite += store_group(bank, m.aligned, row * m.columns + column, available, values);
                    ++group;
                }
            }
        }
    }
    add_non_finite(bank.non_finite, non_finite);
}

}  // namespace interfuse
