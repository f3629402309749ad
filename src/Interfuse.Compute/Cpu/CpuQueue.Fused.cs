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

    // Bytes; above what a processor's second-level caches hold.
    private const long PastCachesLength = 16 << 20;

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

    // As the system's copy does it: a result larger than the caches would only push the inputs out of them, and be read
    // into them before it is written.
    private static BFloat16Sink Sink(DeviceSpan destination, long start, int length) =>
        new(Bytes(destination, start, length), pastCaches: destination.ByteLength >= PastCachesLength);

    private readonly struct FusedConvertWork(DeviceSpan source, DeviceSpan destination) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long start = (long)part * TileGrid.TileLength;
            int length = TileLength(part, destination.Length);
            ReadOnlySpan<byte> values = Bytes(source, start, length);
            workspace.NonFinite += destination.DType == DType.BFloat16
                ? workspace.Kernels.Convert(values, Sink(destination, start, length))
                : workspace.Kernels.Convert(values, new StoredFloat32Sink(
                    Bytes(destination, start, length), destination.ByteLength >= PastCachesLength));
        }
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
                workspace.Kernels.LinearCombination(rows, weights, Sink(destination, start, length));
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
                Sink(destination, start, length));
    }

    /// <summary>Merges experts; the first input is the base.</summary>
    private readonly struct FusedMergeWork(
        DeviceSpan[] inputs,
        TaskTerm[] terms,
        Consensus consensus,
        bool elect,
        long firstElement,
        DeviceSpan destination) : IWork
    {
        private readonly bool _drops = AnyDrops(terms);

        public void Do(CpuWorkspace workspace, int part)
        {
            long first = (long)part * TileGrid.TileLength;
            int length = TileLength(part, destination.Length);
            Span<nint> addresses = stackalloc nint[MaxFusedInputs];
            Span<BlockTerm> blockTerms = stackalloc BlockTerm[MaxFusedInputs];
            blockTerms = blockTerms[..terms.Length];
            for (int start = 0; start < length;)
            {
                int end = _drops ? Math.Min(start + CpuWorkspace.DroppedLength, length) : length;
                end = Trim(terms, firstElement + first, start, end, blockTerms);
                Locate(inputs, first + start, addresses);
                var experts = new BFloat16Rows(addresses[1..inputs.Length]);
                ReadOnlySpan<byte> baseValues = Bytes(inputs[0], first + start, end - start);
                BFloat16Sink result = Sink(destination, first + start, end - start);
                workspace.NonFinite += _drops
                    ? MergeDropped(workspace, baseValues, addresses, blockTerms, firstElement + first + start, result)
                    : elect ? workspace.Kernels.ElectAndMerge(baseValues, experts, blockTerms, consensus, result)
                    : workspace.Kernels.AddTaskVectors(baseValues, experts, blockTerms, consensus, result);
                start = end;
            }
        }

        private int MergeDropped(
            CpuWorkspace workspace,
            ReadOnlySpan<byte> baseValues,
            ReadOnlySpan<nint> addresses,
            Span<BlockTerm> blockTerms,
            long element,
            BFloat16Sink result)
        {
            // A counter has numbers for eight elements; a threshold may cut anywhere.
            int skipped = (int)(element % 8);
            Span<uint> bounds = stackalloc uint[MaxFusedInputs];
            Span<ushort> numbers = workspace.Numbers(terms.Length);
            for (int expert = 0; expert < terms.Length; expert++)
            {
                Span<ushort> row = numbers.Slice(expert * CpuWorkspace.NumberStride, skipped + result.Length);
                if (terms[expert].Drop is { } drop)
                {
                    // An election computes long enough to have what it reads by itself.
                    ValuesAhead ahead = elect ? default : new(addresses[expert + 1], expert == 0 ? addresses[0] : 0);
                    workspace.FillRandomNumbers(drop, element - skipped, ahead, row);
                    bounds[expert] = (uint)drop.KeepBelow << 16;
                }
                else
                {
                    row.Clear();
                    bounds[expert] = uint.MaxValue;
                }
            }

            var experts = new BFloat16Rows(addresses.Slice(1, terms.Length));
            bool trims = WholeRule.Trims(blockTerms);
            CpuKernels.Bound(blockTerms, blockTerms);
            numbers = numbers[skipped..];
            return trims
                ? MergeDropped(
                    workspace, baseValues,
                    new DroppedTerms<BFloat16Rows, TrimmedRule>(experts, blockTerms, numbers, bounds), result)
                : MergeDropped(
                    workspace, baseValues,
                    new DroppedTerms<BFloat16Rows, WholeRule>(experts, blockTerms, numbers, bounds), result);
        }

        private int MergeDropped<TRule>(
            CpuWorkspace workspace,
            ReadOnlySpan<byte> baseValues,
            DroppedTerms<BFloat16Rows, TRule> dropped,
            BFloat16Sink result)
            where TRule : struct, ITermRule => elect
            ? workspace.Kernels.ElectAndMerge(baseValues, dropped, consensus, result)
            : workspace.Kernels.AddTaskVectors(baseValues, dropped, consensus, result);
    }
}
