namespace Interfuse.Compute;

/// <summary>How one expert's task vector (expert minus base) enters a merge.</summary>
/// <remarks>
/// Element x of the expert contributes <c>v = Weight * (Scale * d)</c>, where d is <c>x - base</c>, or 0 if that is
/// trimmed.
/// </remarks>
/// <param name="Weight">The expert's weight, any finite number.</param>
/// <param name="Scale">What rescales the values that survive trimming, 1 for none.</param>
/// <param name="MinimumBits">
/// Trimmed are the values whose magnitude bits (<see cref="CpuKernels"/>) lie below this; 0 trims nothing.
/// </param>
public readonly record struct TaskTerm(float Weight, float Scale = 1f, uint MinimumBits = 0);

/// <summary>Which sign is elected where the weighted task vectors sum to exactly zero.</summary>
public enum ZeroSum
{
    /// <summary>Nobody agrees and the merged delta is 0: sgn(0) of the TIES paper (Yadav et al., 2023).</summary>
    NoMajority,

    /// <summary>The positive values agree, as in mergekit.</summary>
    Positive,
}

/// <summary>How weighted task vectors become one delta, which is added to the base.</summary>
/// <param name="Normalize">Whether the sum is divided by the sum of the weights that took part.</param>
/// <param name="Lambda">What the delta is multiplied by before it is added to the base.</param>
/// <param name="ZeroSum">What an exactly zero sum elects. Only sign election reads it.</param>
public readonly record struct Consensus(bool Normalize, float Lambda, ZeroSum ZeroSum);
