namespace Interfuse.Compute;

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
