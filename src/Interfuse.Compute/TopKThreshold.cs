namespace Interfuse.Compute;

/// <summary>
/// Which elements of a task vector are its k largest: those above a magnitude, and of those equal to it the first few.
/// </summary>
/// <param name="Bits">The k-th largest magnitude, as the bits of a float32 without its sign.</param>
/// <param name="TieEnd">Elements of exactly that magnitude are kept where their flat index is below this one.</param>
public readonly record struct TopKThreshold(uint Bits, long TieEnd)
{
    /// <summary>A bound that no magnitude bits exceed.</summary>
    public const uint MaximumBits = 0x7FFF_FFFF;

    /// <summary>
    /// The magnitude bits of every NaN, whatever its payload; an infinity's lie just below the first of them.
    /// </summary>
    public const uint NanBits = 0x7FC0_0000;

    /// <summary>Keeps every element.</summary>
    public static TopKThreshold All { get; } = new(0, long.MaxValue);

    /// <summary>Keeps no element.</summary>
    public static TopKThreshold None { get; } = new(MaximumBits, 0);

    /// <summary>
    /// The smallest magnitude bits kept at a flat index, and at all that follow up to <see cref="TieEnd"/>.
    /// </summary>
    public uint MinimumBits(long index) => index < TieEnd ? Bits : Bits + 1;
}
