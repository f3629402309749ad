using Interfuse.Checkpoints;

namespace Interfuse.Compute;

// The two halves of ClusterChannels, for those who choose the groups themselves: by a budget of the whole model, or by
// heads whose rows stay together.
public abstract partial class DeviceQueue
{
    /// <summary>
    /// Per output channel (row) of a matrix the Gram matrix of the experts' task vectors: all that a choice of groups
    /// needs to know of them.
    /// </summary>
    /// <remarks>
    /// <c>G[e,f]</c> is the one of <see cref="ClusterChannels"/>, element for element; both triangles are stored.
    /// </remarks>
    /// <param name="baseValues">The base model's matrix [m, n].</param>
    /// <param name="experts">The experts' [m, n], 1 to <see cref="ChannelPartition.MaxExperts"/>; types may
    /// differ.</param>
    /// <param name="channels">m, 1 or more; n follows, and is 1 or more.</param>
    /// <param name="grams">Receives G of each channel: [m, N, N], F64, disjoint from the sources.</param>
    /// <exception cref="ArgumentException">Types, counts, lengths or overlap break these rules.</exception>
    public void ChannelGrams(
        DeviceSpan baseValues, ReadOnlySpan<DeviceSpan> experts, long channels, DeviceSpan grams)
    {
        CheckExpertMatrices(baseValues, experts, channels);
        CheckTable(grams, DType.Float64, experts.Length * experts.Length * channels, nameof(grams));
        CheckDisjoint([grams], [baseValues, .. experts]);
        ChannelGramsCore(baseValues, experts, channels, grams);
    }

    /// <summary>
    /// Merges groups of experts, channel by channel, into rows of a bank, with the base folded in: a
    /// <see cref="GroupedBank"/> is what comes of it.
    /// </summary>
    /// <remarks>
    /// <para>
    /// The experts of a channel with equal entries in the table are a group, and that entry is its row of the bank. With
    /// <c>v_e = (1 / count) * (x_e - base)</c> for the group's experts, the row is <c>base + lambda * (sum v_e)</c> in
    /// float32, one rounding per operation: <c>1 / count</c> is rounded first, the sum runs in the order of the experts
    /// and begins with the first v. But a group of one is the expert's own row bit for bit, whatever lambda is, save for
    /// the payload of NaNs: lambda makes up for what averaging takes from task vectors, and nothing was averaged.
    /// </para>
    /// <para>
    /// Where all N experts, two or more, are one group in every channel, this is <see cref="AddTaskVectors"/> with
    /// weights of <c>1f / N</c>, this lambda and no normalization, bit for bit.
    /// </para>
    /// <para>
    /// Rows of the bank that the table does not name stay as they are. Rows of different channels are different rows,
    /// and every entry is a row of the bank: whoever makes the table makes sure of both, as for
    /// <see cref="GroupedBank"/>, or the result is undefined. The bank's infinite and NaN values that are stored count
    /// for <see cref="TakeNonFinite"/>. The bank is disjoint from the table and the sources.
    /// </para>
    /// </remarks>
    /// <param name="baseValues">The base model's matrix [m, n].</param>
    /// <param name="experts">The experts' [m, n], 1 to <see cref="ChannelPartition.MaxExperts"/>; types may
    /// differ.</param>
    /// <param name="channels">m, 1 or more; n follows, and is 1 or more.</param>
    /// <param name="lambda">Scales a group's mean task vector, any finite number.</param>
    /// <param name="table">The row of the bank for expert e's row i: [N, m], Int32.</param>
    /// <param name="bank">Receives the groups' rows: [R, n], in any float type.</param>
    /// <exception cref="ArgumentException">Types, counts, lengths or overlap break these rules.</exception>
    public void MergeGroups(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        float lambda,
        DeviceSpan table,
        DeviceSpan bank)
    {
        CheckExpertMatrices(baseValues, experts, channels);
        if (!float.IsFinite(lambda))
        {
            throw new ArgumentException($"Lambda is {lambda}; give a finite number.", nameof(lambda));
        }

        CheckTable(table, DType.Int32, experts.Length * channels, nameof(table));
        CheckArithmetic(bank);
        long columns = baseValues.Length / channels;
        if (bank.Length == 0 || bank.Length % columns != 0 || bank.Length / columns > int.MaxValue)
        {
            throw new ArgumentException(
                $"{bank.Length} elements are not 1 to {int.MaxValue} rows of {columns}.", nameof(bank));
        }

        CheckDisjoint([bank], [table, baseValues, .. experts]);
        MergeGroupsCore(baseValues, experts, channels, lambda, table, bank);
    }

    /// <summary><see cref="ChannelGrams"/>, checked.</summary>
    protected abstract void ChannelGramsCore(
        DeviceSpan baseValues, ReadOnlySpan<DeviceSpan> experts, long channels, DeviceSpan grams);

    /// <summary><see cref="MergeGroups"/>, checked.</summary>
    protected abstract void MergeGroupsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        float lambda,
        DeviceSpan table,
        DeviceSpan bank);

    private static void CheckExpertMatrices(DeviceSpan baseValues, ReadOnlySpan<DeviceSpan> experts, long channels)
    {
        if (experts.Length is 0 or > ChannelPartition.MaxExperts)
        {
            throw new ArgumentException(
                $"There are {experts.Length} experts; give 1 to {ChannelPartition.MaxExperts}.", nameof(experts));
        }

        CheckArithmetic(baseValues);
        foreach (DeviceSpan expert in experts)
        {
            CheckArithmetic(expert);
            CheckLength(expert.Length, baseValues.Length, nameof(experts));
        }

        if (channels < 1 || baseValues.Length == 0 || baseValues.Length % channels != 0)
        {
            throw new ArgumentException(
                $"{baseValues.Length} elements are not {channels} channels of one length, 1 or more.", nameof(channels));
        }
    }

    private static void CheckTable(DeviceSpan table, DType dtype, long length, string name)
    {
        CheckLength(table.Length, length, name);
        if (table.DType != dtype)
        {
            throw new ArgumentException($"{table.DType.SafetensorsName()} is not {dtype.SafetensorsName()}.", name);
        }
    }
}
