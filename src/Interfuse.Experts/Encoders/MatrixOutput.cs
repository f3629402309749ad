using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Merging.Execution;

namespace Interfuse.Experts.Encoders;

/// <summary>Takes what a whole matrix is stored as, and has it written at its place.</summary>
/// <param name="layout">Where everything goes.</param>
/// <param name="tensor">The matrix's place in the plan.</param>
/// <param name="files">The files.</param>
/// <param name="thread">Writes.</param>
/// <param name="queue">The queue that made what is written.</param>
/// <param name="progress">Counts what is written.</param>
internal sealed class MatrixOutput(
    PackLayout layout, int tensor, PackWriters files, WriteThread thread, DeviceQueue queue, MergeProgress progress)
{
    private long _nonFinite;

    /// <summary>Writes the matrix under the tensor's own name, or some elements of it.</summary>
    /// <param name="values">The elements, of the pack's type.</param>
    /// <param name="firstElement">Where in the matrix they begin.</param>
    public void Write(DeviceSpan values, long firstElement = 0) =>
        Write(files.Banks, layout.Banks, tensor, firstElement, values);

    /// <summary>Writes a part, or some elements of it, from the device.</summary>
    /// <param name="part">The part's name.</param>
    /// <param name="values">The elements, of the part's type.</param>
    /// <param name="firstElement">Where in the part they begin.</param>
    public void WritePart(string part, DeviceSpan values, long firstElement = 0) =>
        Write(files.Parts!, layout.Parts!, layout.PlaceOf(tensor, part), firstElement, values);

    /// <summary>Writes a part, or some bytes of it, from the host.</summary>
    /// <param name="part">The part's name.</param>
    /// <param name="byteOffset">Where in the part they begin.</param>
    /// <param name="bytes">The bytes, which may change afterwards.</param>
    public void WritePart(string part, long byteOffset, ReadOnlySpan<byte> bytes)
    {
        for (int first = 0; first < bytes.Length; first += WriteThread.PieceBytes)
        {
            ReadOnlySpan<byte> some = bytes.Slice(first, Math.Min(WriteThread.PieceBytes, bytes.Length - first));
            byte[] piece = WriteThread.Rent(some.Length);
            some.CopyTo(piece);
            Add(files.Parts!, layout.Parts!, layout.PlaceOf(tensor, part), byteOffset + first, piece, some.Length);
        }
    }

    /// <summary>Has something done when all of the matrix is written.</summary>
    /// <param name="done">Is given how many of the values are NaN or infinite.</param>
    public void Complete(Action<long> done) => thread.Add([], () => done(_nonFinite));

    private void Write(
        CheckpointWriter writer, CheckpointLayout places, int place, long firstElement, DeviceSpan values)
    {
        int size = values.DType.Size();
        for (long first = 0; first < values.Length; first += WriteThread.PieceBytes / size)
        {
            DeviceSpan some = values.Slice(first, Math.Min(WriteThread.PieceBytes / size, values.Length - first));
            byte[] piece = WriteThread.Rent((int)some.ByteLength);
            queue.Download(some, piece.AsSpan(0, (int)some.ByteLength));
            Add(writer, places, place, (firstElement + first) * size, piece, (int)some.ByteLength);
        }
    }

    private void Add(
        CheckpointWriter writer, CheckpointLayout places, int place, long byteOffset, byte[] piece, int length) =>
        thread.Add(piece, () =>
        {
            ReadOnlySpan<byte> bytes = piece.AsSpan(0, length);
            writer.Write(place, byteOffset, bytes);
            progress.Wrote(length);
            if (places[place].Info.DType.IsArithmetic())
            {
                _nonFinite += FloatScan.CountNonFinite(bytes, places[place].Info.DType);
            }
        });
}
