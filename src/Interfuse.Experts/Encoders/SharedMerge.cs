using Interfuse.Compute;

namespace Interfuse.Experts.Encoders;

/// <summary>How a matrix that experts share is merged of theirs.</summary>
internal enum SharedKind
{
    /// <summary>base + lambda * sum of the task vectors.</summary>
    TaskArithmetic,

    /// <summary>base + lambda * mean of the task vectors.</summary>
    Linear,

    /// <summary>TIES: of each task vector the largest values, a sign elected per element, the mean of those that have it.</summary>
    Ties,
}

/// <summary>The matrix that experts share, merged by a static method.</summary>
/// <param name="Kind">Which method.</param>
/// <param name="Lambda">What scales the merged task vector.</param>
/// <param name="Density">TIES: the share of a task vector's elements that is kept.</param>
internal readonly record struct SharedMerge(SharedKind Kind, float Lambda, double Density)
{
    /// <summary>Merges the matrix at work.</summary>
    /// <param name="bench">Has the matrix of every model.</param>
    /// <param name="destination">Receives the shared matrix, rounded once to its type.</param>
    public void Make(MatrixBench bench, DeviceSpan destination)
    {
        switch (Kind)
        {
            case SharedKind.TaskArithmetic:
                float[] ones = new float[bench.Experts];
                ones.AsSpan().Fill(1);
                bench.AddTaskVectors(ones, Lambda, destination);
                break;
            case SharedKind.Linear:
                bench.Average(Lambda, destination);
                break;
            default:
                MakeTies(bench, destination);
                break;
        }
    }

    // As the static method `ties` has it, with every weight 1 and normalised.
    private void MakeTies(MatrixBench bench, DeviceSpan destination)
    {
        // In decimal, so that 0.29 of 100 is 29.
        long keep = (long)((decimal)Density * destination.Length);
        keep = Density > 0 ? Math.Max(keep, 1) : 0;
        var terms = new TaskTerm[bench.Experts];
        for (int expert = 0; expert < terms.Length; expert++)
        {
            terms[expert] = new TaskTerm(1, Keep: bench.Queue.FindThreshold(bench.Base, bench.Expert(expert), keep));
        }

        var consensus = new Consensus(Normalize: true, Lambda, ZeroSum.NoMajority);
        bench.Visit((first, baseValues, experts) => bench.Queue.ElectAndMerge(
            baseValues, experts, terms, consensus, first, destination.Slice(first, baseValues.Length)));
    }
}
