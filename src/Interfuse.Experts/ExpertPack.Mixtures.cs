using System.Collections.Immutable;
using Interfuse.Checkpoints;

namespace Interfuse.Experts;

public sealed partial class ExpertPack
{
    // What a thread takes at a time: far above what starting it costs, and whole elements.
    private const long ReadPart = 4L << 20;

    /// <summary>Looks up rows of a mixture's tensor.</summary>
    /// <remarks>
    /// A row is the sum of the experts' rows in the order of <see cref="ExpertMix"/>, rounded once to the tensor's type. Of a
    /// type without arithmetic, all experts of the mixture must have the same.
    /// </remarks>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="mix">An expert, a mixture of experts or the model they share.</param>
    /// <param name="rows">Which rows, in any order, each 0 to m - 1.</param>
    /// <param name="destination">Receives them, one after the other.</param>
    /// <exception cref="ArgumentException">There is no such expert or row, or the destination has another
    /// length.</exception>
    /// <exception cref="InterfuseException">The experts' values differ, and their type has no arithmetic.</exception>
    /// <exception cref="ObjectDisposedException">The pack is disposed of.</exception>
    public unsafe void Rows(PackTensor tensor, ExpertMix mix, ReadOnlySpan<long> rows, Span<byte> destination)
    {
        ImmutableArray<ExpertShare> parts = PartsOf(tensor, mix);
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
                MixReader.Copy(tensor, parts, rows[i] * tensor.RowBytes, first + (i * tensor.RowBytes), tensor.RowBytes);
            }
        }
    }

    /// <summary>Looks up consecutive rows of a mixture's tensor, on the calling thread.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="mix">An expert, a mixture of experts or the model they share.</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="destination">Receives as many whole rows as it has room for.</param>
    /// <exception cref="ArgumentException">There is no such expert, there are no such rows, or the destination holds no
    /// whole number of them.</exception>
    /// <exception cref="InterfuseException">The experts' values differ, and their type has no arithmetic.</exception>
    /// <exception cref="ObjectDisposedException">The pack is disposed of.</exception>
    public void Rows(PackTensor tensor, ExpertMix mix, long firstRow, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstRow, tensor.Rows);
        if (tensor.RowBytes == 0 ? !destination.IsEmpty : destination.Length % tensor.RowBytes != 0)
        {
            throw new ArgumentException(
                $"{destination.Length} bytes are not whole rows of {tensor.RowBytes}.", nameof(destination));
        }

        Read(tensor, mix, firstRow * tensor.RowBytes, destination);
    }

    /// <summary>Reads part of a mixture's tensor, on the calling thread.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="mix">An expert, a mixture of experts or the model they share.</param>
    /// <param name="byteOffset">The first byte, counted from the tensor's first; of a mixture of several experts, an
    /// element's first.</param>
    /// <param name="destination">Receives as many bytes as it is long; of a mixture of several experts, whole
    /// elements.</param>
    /// <exception cref="ArgumentException">There is no such expert, the range is not within the tensor, or it cuts an element
    /// that is to be added up.</exception>
    /// <exception cref="InterfuseException">The experts' values differ, and their type has no arithmetic.</exception>
    /// <exception cref="ObjectDisposedException">The pack is disposed of.</exception>
    public unsafe void Read(PackTensor tensor, ExpertMix mix, long byteOffset, Span<byte> destination)
    {
        ImmutableArray<ExpertShare> parts = PartsOf(tensor, mix);
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset, tensor.Spec.ByteLength - destination.Length);
        int size = tensor.DType.Size();
        if (parts.Length > 1 && (byteOffset % size != 0 || destination.Length % size != 0))
        {
            throw new ArgumentException(
                $"{destination.Length} bytes from byte {byteOffset} on are not whole elements of {size} bytes.", nameof(byteOffset));
        }

        fixed (byte* first = destination)
        {
            MixReader.Copy(tensor, parts, byteOffset, first, destination.Length);
        }
    }

    /// <summary>Reads a mixture's tensor whole, on all cores.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>, of up to 2 GiB.</param>
    /// <param name="mix">An expert, a mixture of experts or the model they share.</param>
    /// <param name="destination">Receives the tensor's bytes.</param>
    /// <exception cref="ArgumentException">There is no such expert, or the destination has another length.</exception>
    /// <exception cref="InterfuseException">The experts' values differ, and their type has no arithmetic.</exception>
    /// <exception cref="ObjectDisposedException">The pack is disposed of.</exception>
    public unsafe void Read(PackTensor tensor, ExpertMix mix, Span<byte> destination)
    {
        ImmutableArray<ExpertShare> parts = PartsOf(tensor, mix);
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
                MixReader.Copy(tensor, parts, 0, first, length);
                return;
            }

            int count = (int)((length + ReadPart - 1) / ReadPart);
            Parallels.Run(
                Enumerable.Range(0, count),
                part =>
                {
                    long start = part * ReadPart;
                    MixReader.Copy(tensor, parts, start, (byte*)address + start, Math.Min(ReadPart, length - start));
                },
                CancellationToken.None);
        }
    }

    private static ImmutableArray<ExpertShare> PartsOf(PackTensor tensor, ExpertMix mix)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentNullException.ThrowIfNull(mix);
        return mix.PartsOf(tensor.ExpertCount, tensor.Storage.HasShared, tensor.Storage.IsAlike);
    }
}
