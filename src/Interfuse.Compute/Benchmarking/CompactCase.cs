using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>Compaction of about the largest fifth of a task vector into bf16 values and 32-bit indices.</summary>
internal sealed class CompactCase : KernelCase
{
    private readonly TopKThreshold _keep;
    private readonly DeviceSpan _base;
    private readonly DeviceSpan _expert;
    private readonly DeviceSpan _values;
    private readonly DeviceSpan _indices;
    private long _count;

    public CompactCase(TensorSet tensors, long elements, TopKThreshold keep)
        : base(tensors, elements)
    {
        _keep = keep;
        _base = tensors.Input(InputPattern.Random, 0, DType.BFloat16, elements);
        _expert = tensors.Input(InputPattern.Random, 1, DType.BFloat16, elements);
        long room = (elements / 4) + TileGrid.BlockLength;
        _values = tensors.Output(DType.BFloat16, room);
        _indices = tensors.Output(DType.Int32, room);
        BytesRead = _base.ByteLength + _expert.ByteLength;
    }

    public override void Run()
    {
        _count = Queue.Compact(_base, _expert, _keep, _values, _indices);
        BytesWritten = _count * (_values.DType.Size() + _indices.DType.Size());
    }

    // Only at the beginning and at the end is it known where in the result a part's elements must stand.
    private protected override string Compare(DeviceQueue reference)
    {
        IReadOnlyList<Part> parts = Part.ToVerify(Elements);
        (byte[] values, int[] indices) = Expected(reference, parts[0]);
        CheckAt(0, values, indices);
        if (parts.Count == 1)
        {
            CheckSame(BitConverter.GetBytes(_count), BitConverter.GetBytes((long)indices.Length), sizeof(long), 0);
            return "whole";
        }

        (values, indices) = Expected(reference, parts[^1]);
        CheckAt(_count - indices.Length, values, indices);
        return "2 parts";
    }

    private (byte[] Values, int[] Indices) Expected(DeviceQueue reference, Part part)
    {
        using var tensors = new TensorSet(reference);
        DeviceSpan values = tensors.Output(_values.DType, part.Length);
        DeviceSpan indices = tensors.Output(_indices.DType, part.Length);
        int count = (int)reference.Compact(
            tensors.Input(InputPattern.Random, 0, _base.DType, part, Elements),
            tensors.Input(InputPattern.Random, 1, _base.DType, part, Elements),
            _keep with { TieEnd = Math.Max(0, _keep.TieEnd - part.Start) },
            values,
            indices);
        int[] kept = MemoryMarshal.Cast<byte, int>(tensors.Read(indices.Slice(0, count))).ToArray();
        return (tensors.Read(values.Slice(0, count)), [.. kept.Select(index => checked((int)(index + part.Start)))]);
    }

    private void CheckAt(long start, byte[] values, int[] indices)
    {
        CheckSame(Tensors.Read(_values.Slice(start, indices.Length)), values, _values.DType.Size(), start);
        CheckSame(
            Tensors.Read(_indices.Slice(start, indices.Length)),
            MemoryMarshal.AsBytes<int>(indices),
            sizeof(int),
            start);
    }
}
