using Interfuse.Checkpoints;

namespace Interfuse.Compute;

// EMR-Merging: one task vector for all experts, and which of its elements are each one's.
public abstract partial class DeviceQueue
{
    /// <summary>
    /// EMR-Merging (Huang et al., 2024), in one pass over the inputs: elects the unified task vector of some experts and
    /// masks it for each of them, row by row, with the sums that their scales follow from.
    /// </summary>
    /// <remarks>
    /// <para>
    /// With <c>d_e = x_e - base</c> (float32, one rounding), the sum of all d, in the order of the experts and begun at
    /// +0, elects the sign of an element: positive where it is above 0, else negative; a sum that is zero or NaN counts
    /// as negative. The unified value is the d of greatest magnitude among those that have this sign, and +0 where none
    /// has: a NaN has no sign, and neither has zero. It is rounded to its type when it is stored, and what is stored is
    /// what all that follows is about.
    /// </para>
    /// <para>
    /// <b>Masks</b> are those of a <see cref="MaskedBank"/>: bit k of word w of a row is the element in column 32w + k.
    /// It is set where d_e and the stored unified value have one sign, which is where d_e has the elected one, unless
    /// rounding has made the unified value zero. Bits beyond the last column are zero.
    /// </para>
    /// <para>
    /// <b>Sums</b> (<see cref="AgreementSums"/>) are float64, row by row, with the products of two float32 values exact.
    /// Within a block of 1024 columns they run in the order of <see cref="Dot"/>; a row's sum starts at 0 and takes its
    /// blocks' in order. So they do not depend on how many rows a call has. NaNs are stored as the canonical one.
    /// </para>
    /// <para>
    /// Unified values that are stored as infinite count for <see cref="TakeNonFinite"/>; none is NaN. An expert's NaN is
    /// seen in its sums.
    /// </para>
    /// </remarks>
    /// <param name="baseValues">The base model's matrix [m, n].</param>
    /// <param name="experts">The experts' [m, n], 1 to <see cref="ChannelPartition.MaxExperts"/>; types may
    /// differ.</param>
    /// <param name="channels">m, 1 or more; n follows, and is 1 or more.</param>
    /// <param name="unified">Receives the unified task vector, [m, n] in any float type.</param>
    /// <param name="masks">Receives the masks: [N, m, ceil(n / 32)], UInt32.</param>
    /// <param name="sums">Receives the <see cref="AgreementSums"/> of each expert's rows: [m, N, 5], F64.</param>
    /// <exception cref="ArgumentException">
    /// Types, counts or lengths break these rules, or a destination overlaps a source or another destination.
    /// </exception>
    public void ElectUnified(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        DeviceSpan unified,
        DeviceSpan masks,
        DeviceSpan sums)
    {
        CheckExpertMatrices(baseValues, experts, channels);
        CheckArithmetic(unified);
        CheckLength(unified.Length, baseValues.Length, nameof(unified));
        long words = MaskedBank.Words(baseValues.Length / channels);
        CheckTable(masks, DType.UInt32, experts.Length * channels * words, nameof(masks));
        CheckTable(sums, DType.Float64, experts.Length * channels * AgreementSums.Count, nameof(sums));
        CheckDisjoint([unified, masks, sums], [baseValues, .. experts]);
        ElectUnifiedCore(baseValues, experts, channels, unified, masks, sums);
    }

    /// <summary><see cref="ElectUnified"/>, checked.</summary>
    protected abstract void ElectUnifiedCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        DeviceSpan unified,
        DeviceSpan masks,
        DeviceSpan sums);
}
