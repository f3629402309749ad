using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts.Factorization;
using Interfuse.Merging.Planning;

namespace Interfuse.Experts.Encoders;

/// <summary>What an expert's matrix has that the shared one has not, and its decomposition.</summary>
internal static class OwnPart
{
    /// <summary>Decomposes <c>expert - shared</c>, taken in float32 of the stored values.</summary>
    /// <param name="bench">Has the matrix of every model.</param>
    /// <param name="shared">The shared matrix, as it is stored.</param>
    /// <param name="expert">The expert.</param>
    /// <param name="rank">How many singular values are wanted.</param>
    /// <param name="difference">Room for the difference, F32.</param>
    /// <exception cref="CheckpointFormatException">There are values that are not finite.</exception>
    public static SingularParts Decompose(
        MatrixBench bench, DeviceSpan shared, int expert, int rank, DeviceSpan difference)
    {
        bench.Queue.TaskVector(shared, bench.Expert(expert), TopKThreshold.All, 0, difference);
        using var matrix = new DifferenceMatrix(
            bench.Queue, difference, new TensorMatrix(bench.Matrix.Channels, bench.Matrix.Columns));
        if (!double.IsFinite(matrix.Energy()))
        {
            throw NotFinite(bench, expert);
        }

        SingularParts parts = TruncatedSvd.Decompose(
            matrix,
            rank,
            bench.Plan.Options.Seed,
            DropStream.Of(bench.Matrix.Spec.Name, expert),
            bench.Plan.Options.Threads,
            bench.Cancellation);
        return Array.TrueForAll(parts.Values, double.IsFinite) ? parts : throw NotFinite(bench, expert);
    }

    private static CheckpointFormatException NotFinite(MatrixBench bench, int expert)
    {
        var tiles = new DotProducts[TileGrid.TileCount(bench.Matrix.Spec.ElementCount)];
        DeviceSpan values = bench.Expert(expert);
        bench.Queue.Dot(values, values, tiles);
        bool isOwn = !double.IsFinite(tiles.Sum(tile => tile.AA));
        CheckpointTensor tensor = bench.Matrix.Inputs[isOwn ? expert + 1 : 0].Tensor;
        return new CheckpointFormatException(
            tensor.File.Path,
            isOwn
                ? $"has values that are NaN, infinite or too large (expert '{bench.Plan.Experts[expert]}'), and such a matrix has no singular values; "
                + "mend the model, or keep the tensor as it is: `storage: [{filter: NAME, value: kept}]`"
                : "has values here or in an expert that are NaN, infinite or too large, and such matrices have no singular values; "
                + "mend the model, or keep the tensor as it is: `storage: [{filter: NAME, value: kept}]`",
            tensor.Name);
    }
}
