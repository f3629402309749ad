using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Merging.Execution;

namespace Interfuse.Experts.Encoders;

/// <summary>Takes what a whole matrix is stored as, and writes it at its place.</summary>
/// <param name="layout">Where everything goes.</param>
/// <param name="tensor">The matrix's place in the plan.</param>
/// <param name="banks">Writes the tensors under their own names.</param>
/// <param name="parts">Writes the parts; null where no tensor has any.</param>
/// <param name="queue">The queue that made what is written.</param>
/// <param name="progress">Counts what is written.</param>
internal sealed class MatrixOutput(
    PackLayout layout, int tensor, CheckpointWriter banks, CheckpointWriter? parts, DeviceQueue queue, MergeProgress progress)
{
    // What is brought to the host at a time; a whole number of elements of any type.
    private const int PieceBytes = 16 << 20;

    private byte[] _piece = [];

    /// <summary>How many of the values written so far are NaN or infinite.</summary>
    public long NonFinite { get; private set; }

    /// <summary>Writes the matrix under the tensor's own name, or some elements of it.</summary>
    /// <param name="values">The elements, of the pack's type.</param>
    /// <param name="firstElement">Where in the matrix they begin.</param>
    public void Write(DeviceSpan values, long firstElement = 0) => Download(
        values, (byteOffset, bytes) => Write(banks, layout.Banks, tensor, (firstElement * values.DType.Size()) + byteOffset, bytes));

    /// <summary>Writes a part, or some elements of it, from the device.</summary>
    /// <param name="part">The part's name.</param>
    /// <param name="values">The elements, of the part's type.</param>
    /// <param name="firstElement">Where in the part they begin.</param>
    public void WritePart(string part, DeviceSpan values, long firstElement = 0)
    {
        long start = firstElement * values.DType.Size();
        Download(values, (byteOffset, bytes) => WritePart(part, start + byteOffset, bytes));
    }

    /// <summary>Writes a part, or some bytes of it, from the host.</summary>
    /// <param name="part">The part's name.</param>
    /// <param name="byteOffset">Where in the part they begin.</param>
    /// <param name="bytes">The bytes.</param>
    public void WritePart(string part, long byteOffset, ReadOnlySpan<byte> bytes) =>
        Write(parts!, layout.Parts!, layout.PlaceOf(tensor, part), byteOffset, bytes);

    private void Write(
        CheckpointWriter writer, CheckpointLayout places, int place, long byteOffset, ReadOnlySpan<byte> bytes)
    {
        writer.Write(place, byteOffset, bytes);
        progress.Wrote(bytes.Length);
        if (places[place].Info.DType.IsArithmetic())
        {
            NonFinite += FloatScan.CountNonFinite(bytes, places[place].Info.DType);
        }
    }

    private void Download(DeviceSpan values, Action<long, ReadOnlySpan<byte>> write)
    {
        int size = values.DType.Size();
        if (_piece.Length == 0)
        {
            _piece = GC.AllocateUninitializedArray<byte>(PieceBytes);
        }

        for (long first = 0; first < values.Length; first += PieceBytes / size)
        {
            DeviceSpan piece = values.Slice(first, Math.Min(PieceBytes / size, values.Length - first));
            Span<byte> bytes = _piece.AsSpan(0, (int)piece.ByteLength);
            queue.Download(piece, bytes);
            write(first * size, bytes);
        }
    }
}
