namespace Interfuse.Compute;

/// <summary>A <see cref="TaskTerm"/> within one block, where one bound on the magnitude says what survives.</summary>
/// <remarks>
/// Element x of the expert contributes <c>v = Weight * (Scale * d)</c>, where d is <c>x - base</c>, or 0 if that is
/// trimmed.
/// </remarks>
/// <param name="Weight">The expert's weight, any finite number.</param>
/// <param name="Scale">What rescales the values that survive trimming, 1 for none.</param>
/// <param name="MinimumBits">
/// Trimmed are the values whose magnitude bits (<see cref="CpuKernels"/>) lie below this; 0 trims nothing.
/// </param>
public readonly record struct BlockTerm(float Weight, float Scale = 1f, uint MinimumBits = 0);
