// Groups of experts merged as a table says, channel by channel: one block per channel.
#include "channel_groups.cuh"

namespace interfuse {

// Experts with one row of the bank are a group. By one warp, an expert a lane.
static __device__ void find_groups(const MergeGroupsArguments& a, int64_t channel, ChannelGroups& groups, int lane) {
    const int experts = a.matrices.expert_count;
    const int32_t row = lane < experts ? a.table[lane * a.matrices.channels + channel] : 0;
    uint32_t set = 0;
    for (int expert = 0; expert < experts; ++expert) {
        set |= (__shfl_sync(kFullWarp, row, expert) == row ? 1u : 0u) << expert;
    }
    const bool leads = lane < experts && lowest_expert(set) == lane;
    const uint32_t leaders = __ballot_sync(kFullWarp, leads ? 1 : 0);
    if (leads) {
        const int number = __popc(leaders & ((1u << lane) - 1u));
        groups.sets[number] = set;
        groups.rows[number] = row;
    }
    __syncwarp();
    if (lane == 0) {
        order_experts(groups, __popc(leaders));
    }
}

template <int Capacity>
static __device__ __forceinline__ void merge_groups(const MergeGroupsArguments& a) {
    __shared__ ChannelGroups groups;

    const int64_t channel = blockIdx.x;
    if (threadIdx.x < 32) {
        find_groups(a, channel, groups, threadIdx.x);
    }
    __syncthreads();
    write_groups<Capacity>(a.matrices, a.bank, channel, groups);
}

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(128) interfuse_merge_groups_4(
    const interfuse::MergeGroupsArguments a) {
    interfuse::merge_groups<4>(a);
}
INTERFUSE_KERNEL(interfuse_merge_groups_4)

extern "C" __global__ void __launch_bounds__(128) interfuse_merge_groups_8(
    const interfuse::MergeGroupsArguments a) {
    interfuse::merge_groups<8>(a);
}
INTERFUSE_KERNEL(interfuse_merge_groups_8)

extern "C" __global__ void __launch_bounds__(128) interfuse_merge_groups_16(
    const interfuse::MergeGroupsArguments a) {
    interfuse::merge_groups<16>(a);
}
INTERFUSE_KERNEL(interfuse_merge_groups_16)
