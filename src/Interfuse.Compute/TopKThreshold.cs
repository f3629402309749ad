namespace Interfuse.Compute;

/// <summary>Which elements of a task vector are its k largest: those above a magnitude, and of those equal to it the first few.</summary>
/// <param name="Bits">The k-th largest magnitude, as the bits of a float32 without its sign.</param>
/// <param name="TieEnd">Elements of exactly that magnitude are kept where their flat index is below this one.</param>
public readonly record struct TopKThreshold(uint Bits, long TieEnd)
{
    /// <summary>The largest magnitude bits there are: every infinity and NaN is at or below it.</summary>
    public const uint MaximumBits = 0x7FFF_FFFF;

    /// <summary>Keeps every element.</summary>
    public static TopKThreshold All { get; } = new(0, long.MaxValue);

    /// <summary>Keeps no element.</summary>
    public static TopKThreshold None { get; } = new(MaximumBits, 0);

    /// <summary>The smallest magnitude bits kept at a flat index, and at all that follow up to <see cref="TieEnd"/>.</summary>
    public uint MinimumBits(long index) => index < TieEnd ? Bits : Bits + 1;
}
