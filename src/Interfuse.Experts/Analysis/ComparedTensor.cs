using Interfuse.Checkpoints;

namespace Interfuse.Experts.Analysis;

/// <summary>One tensor of all models, and what is found out about it, unit by unit.</summary>
/// <remarks>
/// A unit is what a Gram matrix is taken of: a channel of a linear projection, a stretch of any other tensor. Units are
/// filled by several threads, each by one; sums over them run in their order.
/// </remarks>
internal sealed class ComparedTensor
{
    /// <summary>How many elements of a model a step takes at most, where a channel isn't longer.</summary>
    public const int TileElements = 1 << 18;

    private const long LongestChannel = 1 << 20;

    private readonly double[] _baseEnergies;
    private readonly long _elements;
    private long _contested;
    private long _conflicting;

    public ComparedTensor(CheckpointTensor baseTensor, CheckpointTensor[] experts, long rows, long columns)
    {
        Models = [baseTensor, .. experts];
        Module = ModuleName.Of(baseTensor.Name);
        IsProjection = Module.IsProjection(baseTensor.Shape.Length) && columns <= LongestChannel;
        _elements = rows * columns;
        UnitLength = IsProjection ? (int)columns : (int)Math.Min(_elements, TileElements);
        long units = (_elements + UnitLength - 1) / UnitLength;
        int packed = ChannelMatrix.PackedLength(experts.Length);
        if (units > Array.MaxLength / packed)
        {
            throw new CheckpointFormatException(
                baseTensor.File.Path, $"has {units} rows, more than an analysis of {experts.Length} models takes", baseTensor.Name);
        }

        Units = (int)units;
        Grams = new double[Units * packed];
        _baseEnergies = new double[Units];
    }

    /// <summary>The base's tensor and the experts'.</summary>
    public CheckpointTensor[] Models { get; }

    public ModuleName Module { get; }

    /// <summary>Whether its units are the channels of a linear projection.</summary>
    public bool IsProjection { get; }

    public int Units { get; }

    public int UnitLength { get; }

    /// <summary>The Gram matrices of the units, packed as those of <see cref="ChannelMatrix"/>.</summary>
    public double[] Grams { get; }

    /// <summary>The bytes of all models that are read.</summary>
    public long Bytes => Models.Sum(model => _elements * model.DType.Size());

    /// <summary>Consecutive units that are computed in one step; all of a step are equally long.</summary>
    public IEnumerable<AnalysisTile> Tiles()
    {
        int step = Math.Max(1, TileElements / UnitLength);
        for (int first = 0; first < Units; first += step)
        {
            int units = Math.Min(step, Units - first);
            long start = (long)first * UnitLength;
            yield return new AnalysisTile(this, first, units, start, (int)Math.Min((long)units * UnitLength, _elements - start));
        }
    }

    public void SetBaseEnergy(int unit, double energy) => _baseEnergies[unit] = energy;

    public void AddSigns(long contested, long conflicting)
    {
        Interlocked.Add(ref _contested, contested);
        Interlocked.Add(ref _conflicting, conflicting);
    }

    /// <summary>What was found out, once all units are done.</summary>
    public TensorAnalysis Result()
    {
        int experts = Models.Length - 1;
        double[] packed = new double[ChannelMatrix.PackedLength(experts)];
        for (int i = 0; i < Grams.Length; i++)
        {
            packed[i % packed.Length] += Grams[i];
        }

        double[] gram = new double[experts * experts];
        ChannelMatrix.Unpack(packed, experts, gram);
        return new TensorAnalysis(
            Models[0].Name,
            Module.Layer,
            Module.Module,
            [.. Models[0].Shape],
            new DeltaStatistics(_elements, gram, _baseEnergies.Sum(), _contested, _conflicting));
    }
}

/// <summary>Some units of a tensor.</summary>
/// <param name="Tensor">The tensor.</param>
/// <param name="FirstUnit">The first unit.</param>
/// <param name="Units">How many.</param>
/// <param name="Start">The flat index of their first element.</param>
/// <param name="Length">How many elements they have together.</param>
internal readonly record struct AnalysisTile(ComparedTensor Tensor, int FirstUnit, int Units, long Start, int Length);
