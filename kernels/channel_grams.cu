// The Gram matrices of experts' task vectors, channel by channel: one block per channel.
#include "channel_gram.cuh"

namespace interfuse {

template <int Capacity>
static __device__ __forceinline__ void store_gram(const ChannelGramsArguments& a) {
    // One stage per warp.
    INTERFUSE_DYNAMIC_SHARED(typename GramShare<Capacity>::Stage, stages);
    __shared__ GramSums<Capacity> sums;

    const int64_t channel = blockIdx.x;
    sum_gram<Capacity>(a.matrices, channel, stages, sums);
    const int places = a.matrices.expert_count * a.matrices.expert_count;
    for (int place = threadIdx.x; place < places; place += blockDim.x) {
        a.grams[channel * places + place] = canonical_sum(sums.gram[place]);
    }
}

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(128) interfuse_channel_grams_4(
    const interfuse::ChannelGramsArguments a) {
    interfuse::store_gram<4>(a);
}
INTERFUSE_KERNEL(interfuse_channel_grams_4)

extern "C" __global__ void __launch_bounds__(128) interfuse_channel_grams_8(
    const interfuse::ChannelGramsArguments a) {
    interfuse::store_gram<8>(a);
}
INTERFUSE_KERNEL(interfuse_channel_grams_8)

extern "C" __global__ void __launch_bounds__(128) interfuse_channel_grams_16(
    const interfuse::ChannelGramsArguments a) {
    interfuse::store_gram<16>(a);
}
INTERFUSE_KERNEL(interfuse_channel_grams_16)
