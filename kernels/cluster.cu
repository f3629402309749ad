// Channel clustering: per output channel the Gram matrix of the experts' deltas, the best partition into groups, and
// the groups' rows. One block per channel: its warps sum the Gram matrix, the first of them partitions, all write the
// groups' rows from the experts', which the second-level cache still holds. While one block partitions, others keep the
// memory busy.
#include "channel_gram.cuh"
#include "channel_groups.cuh"
#include "partition.cuh"

namespace interfuse {

// What of the partition is stored: the group of each expert, and the energy that each group loses.
struct Membership {
    uint8_t group[kMaxExperts];
    double lost[kMaxGroups];
};

// Numbers the groups by their lowest expert, sorts the experts by group, and stores what the partition means: by one
// warp.
static __device__ void describe_groups(
    const ClusterArguments& a, int64_t channel, const Symmetric& gram, ChannelGroups& groups, Membership& membership,
    int lane) {
    uint32_t own = 0;
    int number = 0;
    if (lane < a.group_count) {
        own = groups.sets[lane];
        for (int other = 0; other < a.group_count; ++other) {
            number += lowest_expert(groups.sets[other]) < lowest_expert(own) ? 1 : 0;
        }
    }
    __syncwarp();
    if (lane < a.group_count) {
        groups.sets[number] = own;
        groups.rows[number] = number * a.matrices.channels + channel;
        const int count = __popc(own);
        double energy = 0.0;
        for (uint32_t left = own; left != 0; left &= left - 1u) {
            const int expert = lowest_expert(left);
            membership.group[expert] = static_cast<uint8_t>(number);
            energy += gram.at(expert, expert);
        }
        membership.lost[number] = count > 1 ? energy - gram.sum(own) / static_cast<double>(count) : 0.0;
    }
    __syncwarp();
    if (lane < a.matrices.expert_count) {
        a.groups[lane * a.matrices.channels + channel] = membership.group[lane];
    }
    if (lane == 0) {
        order_experts(groups, a.group_count);
        double lost = 0.0;
        for (int group = 0; group < a.group_count; ++group) {
            lost += membership.lost[group];
        }
        double total = 0.0;
        for (int expert = 0; expert < a.matrices.expert_count; ++expert) {
            total += gram.at(expert, expert);
        }
        a.energies[2 * channel] = canonical_sum(total);
        a.energies[2 * channel + 1] = lost < 0.0 ? 0.0 : canonical_sum(lost);
    }
}

template <int Capacity>
struct PartitionScratch {
    ExactScratch<Capacity> exact;

    __device__ __forceinline__ void find(const Objective& objective, int groups, uint32_t* sets, int lane) {
        find_best<Capacity>(objective, groups, exact, sets, lane);
    }
};

template <>
struct PartitionScratch<16> {
    KMeansScratch k_means;

    __device__ __forceinline__ void find(const Objective& objective, int groups, uint32_t* sets, int lane) {
        find_by_k_means(objective, groups, k_means, sets, lane);
    }
};

// By one warp: the groups' sets from the Gram matrix.
template <int Capacity>
static __device__ void partition(
    const Symmetric& gram, int groups, int32_t similarity, double* likeness, PartitionScratch<Capacity>& scratch,
    uint32_t* sets, int lane) {
    if (groups == 1 || groups == gram.experts) {
        if (lane < groups) {
            sets[lane] = groups == 1 ? (1u << gram.experts) - 1u : 1u << lane;
        }
        __syncwarp();
        return;
    }
    fill_likeness(gram, similarity, likeness, lane);
    scratch.find(Objective{Symmetric{likeness, gram.experts}, similarity}, groups, sets, lane);
}

template <int Capacity>
static __device__ __forceinline__ void cluster_channel(const ClusterArguments& a) {
    // One stage per warp.
    INTERFUSE_DYNAMIC_SHARED(typename GramShare<Capacity>::Stage, stages);
    __shared__ GramSums<Capacity> sums;
    __shared__ double likeness[Capacity * Capacity];
    __shared__ PartitionScratch<Capacity> scratch;
    __shared__ ChannelGroups groups;
    __shared__ Membership membership;

    const int64_t channel = blockIdx.x;
    sum_gram<Capacity>(a.matrices, channel, stages, sums);
    if (threadIdx.x < 32) {
        const int lane = threadIdx.x;
        const Symmetric matrix = {sums.gram, a.matrices.expert_count};
        partition<Capacity>(matrix, a.group_count, a.similarity, likeness, scratch, groups.sets, lane);
        describe_groups(a, channel, matrix, groups, membership, lane);
    }
    __syncthreads();
    write_groups<Capacity>(a.matrices, a.bank, channel, groups);
}

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(128) interfuse_cluster_4(const interfuse::ClusterArguments a) {
    interfuse::cluster_channel<4>(a);
}
INTERFUSE_KERNEL(interfuse_cluster_4)

extern "C" __global__ void __launch_bounds__(128) interfuse_cluster_8(const interfuse::ClusterArguments a) {
    interfuse::cluster_channel<8>(a);
}
INTERFUSE_KERNEL(interfuse_cluster_8)

extern "C" __global__ void __launch_bounds__(128) interfuse_cluster_16(const interfuse::ClusterArguments a) {
    interfuse::cluster_channel<16>(a);
}
INTERFUSE_KERNEL(interfuse_cluster_16)
