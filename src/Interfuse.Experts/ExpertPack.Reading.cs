namespace Interfuse.Experts;

public sealed partial class ExpertPack
{
    // What a thread takes at a time: far above what starting it costs.
    private const long ReadPart = 4L << 20;

    /// <summary>Looks up rows of one expert's tensor.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="expert">The expert, by its place in <see cref="Experts"/>.</param>
    /// <param name="rows">Which rows, in any order, each 0 to m - 1.</param>
    /// <param name="destination">Receives them, one after the other, bit for bit as stored.</param>
    /// <exception cref="ArgumentException">There is no such expert or row, or the destination has another
    /// length.</exception>
    /// <exception cref="ObjectDisposedException">The pack is disposed of.</exception>
    public unsafe void Rows(PackTensor tensor, int expert, ReadOnlySpan<long> rows, Span<byte> destination)
    {
        CheckExpert(tensor, expert);
        if (destination.Length != checked(rows.Length * tensor.RowBytes))
        {
            throw new ArgumentException(
                $"{rows.Length} rows take {rows.Length * tensor.RowBytes} bytes, not {destination.Length}.", nameof(destination));
        }

        foreach (long row in rows)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(row, nameof(rows));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, tensor.Rows, nameof(rows));
        }

        fixed (byte* first = destination)
        {
            for (int i = 0; i < rows.Length; i++)
            {
                tensor.Storage.Copy(expert, rows[i] * tensor.RowBytes, first + (i * tensor.RowBytes), tensor.RowBytes);
            }
        }
    }

    /// <summary>Looks up consecutive rows of one expert's tensor, on the calling thread.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="expert">The expert, by its place in <see cref="Experts"/>.</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="destination">Receives as many whole rows as it has room for.</param>
    /// <exception cref="ArgumentException">There is no such expert, there are no such rows, or the destination holds no
    /// whole number of them.</exception>
    /// <exception cref="ObjectDisposedException">The pack is disposed of.</exception>
    public void Rows(PackTensor tensor, int expert, long firstRow, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstRow, tensor.Rows);
        if (tensor.RowBytes == 0 ? !destination.IsEmpty : destination.Length % tensor.RowBytes != 0)
        {
            throw new ArgumentException(
                $"{destination.Length} bytes are not whole rows of {tensor.RowBytes}.", nameof(destination));
        }

        Read(tensor, expert, firstRow * tensor.RowBytes, destination);
    }

    /// <summary>Reads part of one expert's tensor, on the calling thread.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="expert">The expert, by its place in <see cref="Experts"/>.</param>
    /// <param name="byteOffset">The first byte, counted from the tensor's first.</param>
    /// <param name="destination">Receives as many bytes as it is long.</param>
    /// <exception cref="ArgumentException">There is no such expert, or the range is not within the tensor.</exception>
    /// <exception cref="ObjectDisposedException">The pack is disposed of.</exception>
    public unsafe void Read(PackTensor tensor, int expert, long byteOffset, Span<byte> destination)
    {
        CheckExpert(tensor, expert);
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset, tensor.Spec.ByteLength - destination.Length);
        fixed (byte* first = destination)
        {
            tensor.Storage.Copy(expert, byteOffset, first, destination.Length);
        }
    }

    /// <summary>Reads one expert's tensor whole, on all cores.</summary>
    /// <remarks>
    /// A span holds up to 2 GiB. Tensors above that are read in parts by the other overload, or gathered into memory of
    /// a device, whose length has no such limit.
    /// </remarks>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="expert">The expert, by its place in <see cref="Experts"/>.</param>
    /// <param name="destination">Receives the tensor's bytes.</param>
    /// <exception cref="ArgumentException">There is no such expert, or the destination has another length.</exception>
    /// <exception cref="ObjectDisposedException">The pack is disposed of.</exception>
    public unsafe void Read(PackTensor tensor, int expert, Span<byte> destination)
    {
        CheckExpert(tensor, expert);
        if (destination.Length != tensor.Spec.ByteLength)
        {
            throw new ArgumentException(
                $"The tensor '{tensor.Name}' takes {tensor.Spec.ByteLength} bytes, not {destination.Length}.",
                nameof(destination));
        }

        fixed (byte* first = destination)
        {
            // A pointer can't be shared with other threads as what it is.
            nint address = (nint)first;
            long length = destination.Length;
            if (length <= ReadPart)
            {
                tensor.Storage.Copy(expert, 0, first, length);
                return;
            }

            int parts = (int)((length + ReadPart - 1) / ReadPart);
            Parallels.Run(
                Enumerable.Range(0, parts),
                part =>
                {
                    long start = part * ReadPart;
                    tensor.Storage.Copy(expert, start, (byte*)address + start, Math.Min(ReadPart, length - start));
                },
                CancellationToken.None);
        }
    }

    private static void CheckExpert(PackTensor tensor, int expert)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentOutOfRangeException.ThrowIfNegative(expert);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(expert, tensor.ExpertCount);
    }
}
