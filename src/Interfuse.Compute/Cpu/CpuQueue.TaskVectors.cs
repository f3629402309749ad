using Interfuse.Checkpoints;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    protected override void TaskVectorCore(
        DeviceSpan baseValues, DeviceSpan expert, TopKThreshold keep, long firstElement, DeviceSpan destination)
    {
        if (AreBFloat16(baseValues, expert) && destination.DType == DType.BFloat16)
        {
            RunTiles(
                new FusedTaskVectorWork(baseValues, expert, keep, firstElement, destination), destination.Length);
        }
        else
        {
            RunBlocks(
                new TaskVectorWork(baseValues, expert, new TaskTerm(1, 1, keep), firstElement, destination),
                destination.Length);
        }
    }

    protected override void AddTaskVectorsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TaskTerm> terms,
        Consensus consensus,
        long firstElement,
        DeviceSpan destination) =>
        Merge(baseValues, experts, terms, consensus, elect: false, firstElement, destination);

    protected override void ElectAndMergeCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TaskTerm> terms,
        Consensus consensus,
        long firstElement,
        DeviceSpan destination) =>
        Merge(baseValues, experts, terms, consensus, elect: true, firstElement, destination);

    private void Merge(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TaskTerm> terms,
        Consensus consensus,
        bool elect,
        long firstElement,
        DeviceSpan destination)
    {
        DeviceSpan[] inputs = OfLength(experts.Length + 1, ref _inputs);
        inputs[0] = baseValues;
        experts.CopyTo(inputs.AsSpan(1));
        if (AreBFloat16(inputs, destination))
        {
            RunTiles(
                new FusedMergeWork(inputs, Keep(terms), consensus, elect, firstElement, destination),
                destination.Length);
        }
        else
        {
            RunBlocks(
                new MergeWork(inputs, Keep(terms), consensus, elect, firstElement, destination), destination.Length);
        }
    }

    private static bool AnyDrops(ReadOnlySpan<TaskTerm> terms)
    {
        foreach (TaskTerm term in terms)
        {
            if (term.Drop is not null)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Finds the part from <paramref name="start"/> on in which one bound per expert says what is trimmed: between two
    /// cuts every expert's rule for equal magnitudes is the same.
    /// </summary>
    /// <param name="terms">The experts' terms.</param>
    /// <param name="first">The number within the tensor that the rules count from.</param>
    /// <param name="start">The part's start, counted from there.</param>
    /// <param name="end">The greatest end.</param>
    /// <param name="blockTerms">Receives the terms that hold in the part.</param>
    /// <returns>The part's end.</returns>
    private static int Trim(
        ReadOnlySpan<TaskTerm> terms, long first, int start, int end, Span<BlockTerm> blockTerms)
    {
        for (int expert = 0; expert < terms.Length; expert++)
        {
            TopKThreshold keep = terms[expert].Keep ?? TopKThreshold.All;
            long cut = keep.TieEnd - first;
            end = cut > start && cut < end ? (int)cut : end;
            blockTerms[expert] = new BlockTerm(
                terms[expert].Weight, terms[expert].Scale, keep.MinimumBits(first + start));
        }

        return end;
    }

    /// <summary>Writes <c>scale * d</c>, with the d of <see cref="TaskTerm"/>, for part of a tensor.</summary>
    private static void Thin(
        CpuWorkspace workspace,
        ReadOnlySpan<float> baseValues,
        ReadOnlySpan<float> expert,
        in TaskTerm term,
        long firstElement,
        Span<float> destination)
    {
        CpuKernels kernels = workspace.Kernels;
        TopKThreshold keep = term.Keep ?? TopKThreshold.All;
        int cut = (int)Math.Clamp(keep.TieEnd - firstElement, 0, destination.Length);
        kernels.TaskVector(baseValues[..cut], expert[..cut], keep.MinimumBits(0), destination[..cut]);
        kernels.TaskVector(baseValues[cut..], expert[cut..], keep.MinimumBits(long.MaxValue), destination[cut..]);
        if (term.Drop is { } drop)
        {
            // What is a task vector already is one over a base of zeros.
            ReadOnlySpan<ushort> numbers = workspace.RandomNumbers(drop, firstElement, destination.Length);
            ReadOnlySpan<float> zeros = Zeros.AsSpan(0, destination.Length);
            kernels.DroppedTaskVector(zeros, destination, numbers, drop.KeepBelow, term.Scale, destination);
        }
        else if (term.Scale != 1f)
        {
            kernels.LinearCombination(
                new Rows(destination, 1, destination.Length, destination.Length), [term.Scale], destination);
        }
    }

    private static readonly float[] Zeros = new float[TileGrid.BlockLength];

    private readonly struct TaskVectorWork(
        DeviceSpan baseValues, DeviceSpan expert, TaskTerm term, long firstElement, DeviceSpan destination) : IBlockWork
    {
        public void Do(CpuWorkspace workspace, long start, int length)
        {
            Rows inputs = workspace.Widen(baseValues, expert, start, length);
            Span<float> result = workspace.Result(length);
            Thin(workspace, inputs[0], inputs[1], term, firstElement + start, result);
            workspace.Store(result, destination, start);
        }
    }

    private readonly struct MergeWork(
        DeviceSpan[] inputs, TaskTerm[] terms, Consensus consensus, bool elect, long firstElement, DeviceSpan destination)
        : IBlockWork
    {
        private readonly bool _drops = AnyDrops(terms);

        public void Do(CpuWorkspace workspace, long start, int length)
        {
            Rows values = workspace.Widen(inputs, start, length);
            Span<float> result = workspace.Result(length);
            if (_drops)
            {
                MergeThinned(workspace, values, firstElement + start, result);
            }
            else
            {
                MergeTrimmed(workspace, values, firstElement + start, result);
            }

            workspace.Store(result, destination, start);
        }

        private void MergeTrimmed(CpuWorkspace workspace, Rows values, long first, Span<float> result)
        {
            Span<BlockTerm> blockTerms = terms.Length <= 64 ? stackalloc BlockTerm[terms.Length] : new BlockTerm[terms.Length];
            for (int start = 0; start < result.Length;)
            {
                int end = Trim(terms, first, start, result.Length, blockTerms);
                Rows part = values.Columns(start, end - start);
                if (elect)
                {
                    workspace.Kernels.ElectAndMerge(part[0], part.From(1), blockTerms, consensus, result[start..end]);
                }
                else
                {
                    workspace.Kernels.AddTaskVectors(part[0], part.From(1), blockTerms, consensus, result[start..end]);
                }

                start = end;
            }
        }

        private void MergeThinned(CpuWorkspace workspace, Rows values, long first, Span<float> result)
        {
            Span<float> weights = terms.Length <= 64 ? stackalloc float[terms.Length] : new float[terms.Length];
            Span<float> thinned = workspace.Scratch(terms.Length);
            for (int expert = 0; expert < terms.Length; expert++)
            {
                weights[expert] = terms[expert].Weight;
                Thin(
                    workspace, values[0], values[expert + 1], terms[expert], first,
                    thinned.Slice(expert * CpuWorkspace.RowStride, result.Length));
            }

            var rows = new Rows(thinned, terms.Length, result.Length, CpuWorkspace.RowStride);
            if (elect)
            {
                workspace.Kernels.ElectAndMergeReady(values[0], rows, weights, consensus, result);
            }
            else
            {
                workspace.Kernels.AddReadyTaskVectors(values[0], rows, weights, consensus, result);
            }
        }
    }
}
