namespace Interfuse.Experts;

/// <summary>Which experts share a row, in every channel of every matrix.</summary>
/// <param name="Matrices">Matrix by matrix, in the order given.</param>
/// <param name="Rows">How many rows are kept.</param>
/// <param name="Bytes">What they take.</param>
/// <param name="TotalEnergy">
/// The squared norms of all task vectors. Channels whose Gram matrix isn't finite are counted neither here nor in
/// <paramref name="LostEnergy"/>.
/// </param>
/// <param name="LostEnergy">The squared distances of the task vectors to the means that take their places.</param>
/// <param name="UnmeasuredMerges">How many rows were given up in channels whose Gram matrix isn't finite.</param>
public sealed record ChannelAllocation(
    IReadOnlyList<MatrixAllocation> Matrices,
    long Rows,
    long Bytes,
    double TotalEnergy,
    double LostEnergy,
    long UnmeasuredMerges);

/// <summary>Which experts share a row, in every channel of a matrix.</summary>
/// <param name="Assignment">[N, m]: the group of an expert's row, numbered by the channel's lowest expert.</param>
/// <param name="Groups">[m]: how many groups, and so rows, a channel has.</param>
/// <param name="Rows">The sum of <paramref name="Groups"/>.</param>
/// <param name="TotalEnergy">As that of <see cref="ChannelAllocation"/>.</param>
/// <param name="LostEnergy">As that of <see cref="ChannelAllocation"/>.</param>
public sealed record MatrixAllocation(
    byte[] Assignment, byte[] Groups, long Rows, double TotalEnergy, double LostEnergy);
