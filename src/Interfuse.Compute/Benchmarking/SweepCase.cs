using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>Calls an operation that reads two tensors and gives one result per tile.</summary>
/// <param name="queue">The queue to call it on.</param>
/// <param name="baseValues">The first tensor.</param>
/// <param name="expert">The second.</param>
/// <param name="firstElement">The flat index of the first element.</param>
/// <param name="tiles">Receives the results.</param>
internal delegate void SweepOperation<T>(
    DeviceQueue queue, DeviceSpan baseValues, DeviceSpan expert, long firstElement, Span<T> tiles);

/// <summary>A reduction of two tensors, tile by tile. What it writes, a few bytes per tile, is not counted.</summary>
internal sealed class SweepCase<T> : KernelCase
    where T : unmanaged
{
    private readonly SweepOperation<T> _operation;
    private readonly DeviceSpan _base;
    private readonly DeviceSpan _expert;
    private readonly T[] _tiles;

    public SweepCase(TensorSet tensors, long elements, DType dtype, SweepOperation<T> operation)
        : base(tensors, elements)
    {
        _operation = operation;
        _base = tensors.Input(InputPattern.Random, 0, dtype, elements);
        _expert = tensors.Input(InputPattern.Random, 1, dtype, elements);
        _tiles = new T[TileGrid.TileCount(elements)];
        BytesRead = _base.ByteLength + _expert.ByteLength;
    }

    public override void Run() => _operation(Queue, _base, _expert, 0, _tiles);

    private protected override string Compare(DeviceQueue reference)
    {
        IReadOnlyList<Part> parts = Part.ToVerify(Elements);
        foreach (Part part in parts)
        {
            using var tensors = new TensorSet(reference);
            DeviceSpan baseValues = tensors.Input(InputPattern.Random, 0, _base.DType, part, Elements);
            DeviceSpan expert = tensors.Input(InputPattern.Random, 1, _base.DType, part, Elements);
            var tiles = new T[TileGrid.TileCount(part.Length)];
            _operation(reference, baseValues, expert, part.Start, tiles);
            int first = (int)(part.Start / TileGrid.TileLength);
            CheckSame(
                MemoryMarshal.AsBytes<T>(_tiles.AsSpan(first, tiles.Length)),
                MemoryMarshal.AsBytes<T>(tiles),
                Unsafe.SizeOf<T>(),
                first);
        }

        return Compared(parts);
    }
}
