using Interfuse.Checkpoints;

namespace Interfuse.Compute;

/// <summary>What the operations check of a bank, however it keeps its experts' rows.</summary>
/// <param name="FirstExpert">The lowest expert there is: below 0 where the shared matrix counts as one.</param>
/// <param name="Experts">N, the number of experts.</param>
/// <param name="Channels">m, the rows of one expert's matrix.</param>
/// <param name="Columns">n, the elements of a row.</param>
/// <param name="DType">The elements' type.</param>
internal readonly record struct BankShape(int FirstExpert, int Experts, long Channels, long Columns, DType DType)
{
    /// <summary>That a bank has experts, and a matrix that they share the right length.</summary>
    public static void CheckMatrix(DeviceSpan matrix, int experts, long channels, long columns, string name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(experts, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        if (matrix.Length / columns != channels || matrix.Length % columns != 0)
        {
            throw new ArgumentException($"{matrix.Length} elements are not {channels} rows of {columns}.", name);
        }
    }
}
