using Interfuse.Checkpoints;

namespace Interfuse.Compute;

/// <remarks>
/// Where all tensors of an operation are bfloat16, nothing is widened into blocks: the kernels load, widen, round and
/// store in registers, in one pass over a tile, so that waiting for memory and arithmetic overlap.
/// </remarks>
internal sealed partial class CpuQueue
{
    // More inputs than this would need room elsewhere than on the stack; they go by blocks.
    private const int MaxFusedInputs = 64;

    private static bool AreBFloat16(ReadOnlySpan<DeviceSpan> inputs, DeviceSpan destination)
    {
        foreach (DeviceSpan input in inputs)
        {
            if (input.DType != DType.BFloat16)
            {
                return false;
            }
        }

        return destination.DType == DType.BFloat16 && inputs.Length <= MaxFusedInputs;
    }

    private static bool AreBFloat16(DeviceSpan a, DeviceSpan b) =>
        a.DType == DType.BFloat16 && b.DType == DType.BFloat16;

    // Where the elements of every input begin, from one on.
    private static unsafe BFloat16Rows Locate(ReadOnlySpan<DeviceSpan> inputs, long start, Span<nint> addresses)
    {
        for (int input = 0; input < inputs.Length; input++)
        {
            addresses[input] = (nint)Address(inputs[input], start);
        }

        return new BFloat16Rows(addresses[..inputs.Length]);
    }

    private readonly struct FusedLinearCombinationWork(
        DeviceSpan[] inputs, float[] weights, DeviceSpan destination) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long start = (long)part * TileGrid.TileLength;
            int length = TileLength(part, destination.Length);
            BFloat16Rows rows = Locate(inputs, start, stackalloc nint[MaxFusedInputs]);
            workspace.NonFinite +=
                workspace.Kernels.LinearCombination(rows, weights, Bytes(destination, start, length));
        }
    }

    private readonly struct FusedTaskVectorWork(
        DeviceSpan baseValues, DeviceSpan expert, TopKThreshold keep, long firstElement, DeviceSpan destination) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long first = (long)part * TileGrid.TileLength;
            int length = TileLength(part, destination.Length);
            int cut = (int)Math.Clamp(keep.TieEnd - firstElement - first, 0, length);
            Write(workspace, first, cut, keep.MinimumBits(0));
            Write(workspace, first + cut, length - cut, keep.MinimumBits(long.MaxValue));
        }

        private void Write(CpuWorkspace workspace, long start, int length, uint minimumBits) =>
            workspace.NonFinite += workspace.Kernels.TaskVector(
                Bytes(baseValues, start, length), Bytes(expert, start, length), minimumBits,
                Bytes(destination, start, length));
    }

    /// <summary>Merges experts without random drop; the first input is the base.</summary>
    private readonly struct FusedMergeWork(
        DeviceSpan[] inputs, TaskTerm[] terms, Consensus consensus, bool elect, long firstElement, DeviceSpan destination)
        : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long first = (long)part * TileGrid.TileLength;
            int length = TileLength(part, destination.Length);
            Span<nint> addresses = stackalloc nint[MaxFusedInputs];
            Span<BlockTerm> blockTerms = stackalloc BlockTerm[MaxFusedInputs];
            blockTerms = blockTerms[..terms.Length];
            for (int start = 0; start < length;)
            {
                int end = Trim(terms, firstElement + first, start, length, blockTerms);
                BFloat16Rows experts = Locate(inputs.AsSpan(1), first + start, addresses);
                ReadOnlySpan<byte> baseValues = Bytes(inputs[0], first + start, end - start);
                Span<byte> result = Bytes(destination, first + start, end - start);
                workspace.NonFinite += elect
                    ? workspace.Kernels.ElectAndMerge(baseValues, experts, blockTerms, consensus, result)
                    : workspace.Kernels.AddTaskVectors(baseValues, experts, blockTerms, consensus, result);
                start = end;
            }
        }
    }
}
