namespace Interfuse.Compute;

/// <summary>How one expert's task vector (expert minus base) enters a merge.</summary>
/// <remarks>
/// Element i contributes <c>v = Weight * (Scale * d)</c>, where d is <c>x[i] - base[i]</c> (one rounding) if the
/// element
/// survives both <paramref name="Keep"/> and <paramref name="Drop"/>, and +0 if not.
/// </remarks>
/// <param name="Weight">The expert's weight, any finite number.</param>
/// <param name="Scale">What rescales the values that survive, a positive number; 1 for none.</param>
/// <param name="Keep">The largest magnitudes survive (TIES); null for all.</param>
/// <param name="Drop">Chance decides what survives (DARE); null for everything.</param>
public readonly record struct TaskTerm(
    float Weight, float Scale = 1f, TopKThreshold? Keep = null, RandomDrop? Drop = null);

/// <summary>
/// Which elements survive by chance: those whose random number is below a bound (DARE: Yu et al., 2024).
/// </summary>
/// <remarks>
/// The numbers are the halves of the words of Philox 4x32-7 (Salmon et al., SC 2011). Key: the lower and upper 32 bits
/// of the seed. Counter: the lower and upper 32 bits of i / 8, then those of the stream, for the element with flat index
/// i. Eight elements share a counter: the first gets the lower half of its first word, the second the upper half, the
/// third the lower half of the second word, and so on.
/// </remarks>
/// <param name="Seed">The key.</param>
/// <param name="Stream">One of 2^64 independent streams, for example one per tensor and expert.</param>
/// <param name="KeepBelow">
/// The share to keep, in units of 2^-16: an element survives where its number is below this. 0 keeps none.
/// </param>
public readonly record struct RandomDrop(ulong Seed, ulong Stream, ushort KeepBelow);
