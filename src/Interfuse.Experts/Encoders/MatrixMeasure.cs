using Interfuse.Compute;

namespace Interfuse.Experts.Encoders;

/// <summary>What is known of a matrix once it was read: how its experts differ, channel by channel.</summary>
internal sealed class MatrixMeasure
{
    private readonly PlannedMatrix _matrix;
    private readonly int _experts;
    private readonly ChunkSums[] _chunks;

    /// <summary>Makes room.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="experts">N.</param>
    /// <param name="chunks">Into how many chunks it is cut.</param>
    /// <param name="keepsGrams">Whether to keep every unit's Gram matrix, as a budget needs.</param>
    public MatrixMeasure(PlannedMatrix matrix, int experts, int chunks, bool keepsGrams)
    {
        _matrix = matrix;
        _experts = experts;
        _chunks = new ChunkSums[chunks];
        Groups = new byte[checked((int)(matrix.Units * experts))];
        Twins = matrix.Grouping!.Value.KeepsTwins ? new byte[Groups.Length] : [];
        Grams = keepsGrams ? new double[checked((int)(matrix.Units * PackedLength))] : [];
    }

    /// <summary>The group of expert e in unit u, at u * N + e.</summary>
    public byte[] Groups { get; }

    /// <summary>
    /// The lowest expert with the same bytes as expert e in unit u, at u * N + e; empty where they are averaged all the
    /// same.
    /// </summary>
    public byte[] Twins { get; }

    /// <summary>Whether every expert has the same bytes, and these are kept.</summary>
    public bool IsOneForAll => Twins.Length > 0 && !Twins.ContainsAnyExcept((byte)0);

    /// <summary>The lower triangle, row by row, of every unit's Gram matrix, where they are kept.</summary>
    public double[] Grams { get; }

    private int PackedLength => ChannelMatrix.PackedLength(_experts);

    /// <summary>Takes in a chunk.</summary>
    public void Visit(MatrixWorker worker, MatrixChunk chunk)
    {
        worker.Read(_matrix, chunk);
        ReadOnlySpan<double> rows = worker.Grams(chunk.Rows);
        int square = _experts * _experts;
        Span<double> gram = stackalloc double[square];
        double[] all = new double[square];
        var energies = new DeltaEnergies(_experts);
        for (int row = 0; row < chunk.Rows; row += _matrix.HeadRows)
        {
            gram.Clear();
            for (int part = row; part < row + _matrix.HeadRows; part++)
            {
                Add(rows.Slice(part * square, square), gram);
            }

            Add(gram, all);
            long unit = (chunk.FirstRow + row) / _matrix.HeadRows;
            int place = (int)(unit * _experts);
            Span<byte> groups = Groups.AsSpan(place, _experts);
            Span<byte> twins = Twins.Length == 0 ? [] : Twins.AsSpan(place, _experts);
            Group(worker, row, gram, groups, twins);
            energies.Add(gram, groups, twins, _matrix.Grouping!.Value.Lambda);
            if (Grams.Length > 0)
            {
                ChannelMatrix.Pack(gram, _experts, Grams.AsSpan((int)(unit * PackedLength), PackedLength));
            }
        }

        _chunks[chunk.Index] = new ChunkSums(worker.BaseEnergy(), all, energies);
    }

    /// <summary>The delta energies of a fixed number of groups: those of <see cref="Groups"/> as measured.</summary>
    public DeltaEnergies GroupedEnergies()
    {
        var sum = new DeltaEnergies(_experts);
        foreach (ChunkSums chunk in _chunks)
        {
            sum.Add(chunk.Energies);
        }

        return sum;
    }

    /// <summary>The delta energies where one average stands for all.</summary>
    public DeltaEnergies SharedEnergies()
    {
        var sum = new DeltaEnergies(_experts);
        byte[] one = new byte[_experts];
        sum.Add(Total(out _), one, IsOneForAll ? one : [], _matrix.Grouping!.Value.Lambda);
        return sum;
    }

    /// <summary>The Gram matrices of all units, which were kept.</summary>
    public ChannelMatrix ToChannels() =>
        new((int)_matrix.Units, _matrix.RowBytes * _matrix.HeadRows, Grams);

    /// <summary>The delta energies of other groups than those measured; the Gram matrices were kept.</summary>
    public DeltaEnergies EnergiesOf(ReadOnlySpan<byte> groups)
    {
        var sum = new DeltaEnergies(_experts);
        Span<double> gram = stackalloc double[_experts * _experts];
        for (int unit = 0; unit < _matrix.Units; unit++)
        {
            ChannelMatrix.Unpack(Grams.AsSpan(unit * PackedLength, PackedLength), _experts, gram);
            ReadOnlySpan<byte> twins = Twins.Length == 0 ? [] : Twins.AsSpan(unit * _experts, _experts);
            sum.Add(gram, groups.Slice(unit * _experts, _experts), twins, _matrix.Grouping!.Value.Lambda);
        }

        return sum;
    }

    /// <summary>
    /// The root of the mean squared distance of the experts to their average, as a share of the base's norm.
    /// </summary>
    public double Disagreement()
    {
        double[] gram = Total(out double baseEnergy);
        double own = 0;
        double sum = 0;
        for (int e = 0; e < _experts; e++)
        {
            own += gram[(e * _experts) + e];
            for (int f = 0; f < _experts; f++)
            {
                sum += gram[(e * _experts) + f];
            }
        }

        double lost = Math.Max(0, own - (sum / _experts));
        return lost == 0 ? 0 : Math.Sqrt(lost / _experts / baseEnergy);
    }

    private double[] Total(out double baseEnergy)
    {
        double[] gram = new double[_experts * _experts];
        baseEnergy = 0;
        foreach (ChunkSums chunk in _chunks)
        {
            baseEnergy += chunk.BaseEnergy;
            Add(chunk.Gram, gram);
        }

        return gram;
    }

    // Experts with the same bytes are one; of the others the best partition into the wanted number of groups.
    private void Group(MatrixWorker worker, int row, ReadOnlySpan<double> gram, Span<byte> groups, Span<byte> twins)
    {
        int distinct = 0;
        for (int expert = 0; expert < _experts; expert++)
        {
            int same = -1;
            for (int other = 0; other < expert && same < 0; other++)
            {
                // Equals, for which NaN is NaN; most experts are told apart by it.
                same = gram[(expert * _experts) + expert].Equals(gram[(other * _experts) + other])
                    && worker.AreSame(_matrix, other, expert, row) ? other : -1;
            }

            if (twins.Length > 0)
            {
                twins[expert] = (byte)(same >= 0 ? same : expert);
            }

            groups[expert] = same >= 0 ? groups[same] : (byte)distinct++;
        }

        TensorGrouping grouping = _matrix.Grouping!.Value;
        if (PackDecision.IsGrouped(_matrix) && grouping.Groups < distinct)
        {
            ChannelPartition.Best(gram, _experts, grouping.Groups, grouping.Similarity, groups);
        }
    }

    private static void Add(ReadOnlySpan<double> values, Span<double> sums)
    {
        for (int i = 0; i < values.Length; i++)
        {
            sums[i] += values[i];
        }
    }

    private readonly record struct ChunkSums(double BaseEnergy, double[] Gram, DeltaEnergies Energies);
}
