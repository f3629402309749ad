using Interfuse.Checkpoints;

namespace Interfuse.Compute;

/// <summary>Memory of a device, aligned to at least 64 bytes.</summary>
public abstract class DeviceBuffer(long byteLength) : IDisposable
{
    /// <summary>The size in bytes.</summary>
    public long ByteLength { get; } = byteLength;

    /// <summary>The whole buffer, or its beginning, as elements.</summary>
    /// <param name="dtype">Their type.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentException">The buffer is too short.</exception>
    public DeviceSpan Span(DType dtype, long length) => new(this, 0, dtype, length);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the memory back; nothing queued may use it any more.</summary>
    protected abstract void Dispose(bool disposing);
}

/// <summary>Memory of a device with a twin on the host, through which bytes go in and out without waiting.</summary>
/// <remarks>
/// On a CPU the two are one. Elsewhere <see cref="DeviceQueue.Upload(TransferBuffer, int)"/> and
/// <see cref="DeviceQueue.Download(TransferBuffer, int)"/> copy between them, and until the queue is synchronized the
/// side
/// being written is not to be touched.
/// </remarks>
public abstract class TransferBuffer(int byteLength) : DeviceBuffer(byteLength)
{
    /// <summary>The host's side.</summary>
    public abstract Span<byte> Host { get; }
}

/// <summary>Consecutive elements of one type in a device's memory.</summary>
public readonly record struct DeviceSpan
{
    /// <summary>Describes elements in a buffer.</summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="byteOffset">Where the first element begins, a multiple of the element's size.</param>
    /// <param name="dtype">The elements' type.</param>
    /// <param name="length">How many, 0 or more.</param>
    /// <exception cref="ArgumentException">The elements reach beyond the buffer or are not aligned to their
    /// size.</exception>
    public DeviceSpan(DeviceBuffer buffer, long byteOffset, DType dtype, long length)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        int size = dtype.Size();
        if (byteOffset % size != 0)
        {
            throw new ArgumentException($"Byte {byteOffset} is no place for elements of {size} bytes.", nameof(byteOffset));
        }

        if (byteOffset > buffer.ByteLength || length > (buffer.ByteLength - byteOffset) / size)
        {
            throw new ArgumentException(
                $"{length} elements of {size} bytes from byte {byteOffset} on do not fit into {buffer.ByteLength} bytes.",
                nameof(length));
        }

        Buffer = buffer;
        ByteOffset = byteOffset;
        DType = dtype;
        Length = length;
    }

    /// <summary>The buffer that holds the elements.</summary>
    public DeviceBuffer Buffer { get; }

    /// <summary>Where in the buffer the first element begins.</summary>
    public long ByteOffset { get; }

    /// <summary>The elements' type.</summary>
    public DType DType { get; }

    /// <summary>How many elements there are.</summary>
    public long Length { get; }

    /// <summary>How many bytes they take.</summary>
    public long ByteLength => Length * DType.Size();

    /// <summary>Some of the elements.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are no such elements.</exception>
    public DeviceSpan Slice(long start, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - start);
        return new DeviceSpan(Buffer, ByteOffset + (start * DType.Size()), DType, length);
    }

    internal bool Overlaps(DeviceSpan other) =>
        Buffer == other.Buffer
        && ByteOffset < other.ByteOffset + other.ByteLength
        && other.ByteOffset < ByteOffset + ByteLength;
}
