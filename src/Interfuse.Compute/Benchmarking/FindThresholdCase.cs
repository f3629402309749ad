using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>Exact selection of the largest fifth of a task vector.</summary>
internal sealed class FindThresholdCase : KernelCase
{
    private const int KeepOneOf = 5;

    private readonly InputPattern _pattern;
    private readonly DeviceSpan _base;
    private readonly DeviceSpan _expert;
    private readonly long _keep;
    private TopKThreshold _threshold;

    public FindThresholdCase(TensorSet tensors, long elements, InputPattern pattern)
        : base(tensors, elements)
    {
        _pattern = pattern;
        _base = tensors.Input(pattern, 0, DType.BFloat16, elements);
        _expert = tensors.Input(pattern, 1, DType.BFloat16, elements);
        _keep = Math.Max(1, elements / KeepOneOf);
        BytesRead = _base.ByteLength + _expert.ByteLength;
    }

    public override void Run() => _threshold = Queue.FindThreshold(_base, _expert, _keep);

    // A threshold is right where it keeps k elements, keeps all that are above its magnitude, and ends the ties at one
    // of them. So any size is verified as a whole, in one sweep of the reference and little memory.
    private protected override string Compare(DeviceQueue reference)
    {
        (long above, long kept, long left) = (0, 0, 0);
        bool endsAtTie = _threshold.TieEnd == long.MaxValue;
        foreach (Part part in Part.All(Elements))
        {
            using var tensors = new TensorSet(reference);
            DeviceSpan baseValues = tensors.Input(_pattern, 0, _base.DType, part, Elements);
            DeviceSpan expert = tensors.Input(_pattern, 1, _base.DType, part, Elements);
            long tied = Math.Clamp(_threshold.TieEnd - part.Start, 0, part.Length);
            (long Above, long Equal) first = Count(reference, baseValues, expert, 0, tied);
            (long Above, long Equal) rest = Count(reference, baseValues, expert, tied, part.Length - tied);
            above += first.Above + rest.Above;
            kept += first.Equal;
            left += rest.Equal;
            if (tied < part.Length && tied == _threshold.TieEnd - part.Start)
            {
                endsAtTie = Count(reference, baseValues, expert, tied, 1).Equal == 1;
            }
        }

        return above + kept == _keep && endsAtTie
            ? "whole"
            : throw Mismatch(
                $"{_threshold} keeps {above} elements above its magnitude and {kept} of {kept + left} at it; "
                + $"{_keep} were to be kept");
    }

    private (long Above, long Equal) Count(
        DeviceQueue reference, DeviceSpan baseValues, DeviceSpan expert, long start, long length)
    {
        var tiles = new TileCount[TileGrid.TileCount(length)];
        reference.CountAndCollect(
            baseValues.Slice(start, length),
            expert.Slice(start, length),
            _threshold.Bits,
            _threshold.Bits,
            tiles,
            new uint[length]);
        return (tiles.Sum(tile => (long)tile.Above), tiles.Sum(tile => (long)tile.Inside));
    }
}
