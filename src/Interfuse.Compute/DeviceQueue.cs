namespace Interfuse.Compute;

/// <summary>A device's work, done in order: transfers and the engine's operations on tensors.</summary>
/// <remarks>
/// <para>
/// <b>Same bits everywhere.</b> Elements are BF16, F16, F32 or F64; they are widened to float32 (exactly, but for F64),
/// computed with one rounding to nearest even per operation and no fused multiply-add, and rounded once more when they
/// are
/// stored. Sums over inputs run in the order of the inputs, sums over elements in the order of <see cref="TileGrid"/>
/// and
/// in float64. A stored NaN is the canonical one of its type (<see cref="CpuKernels.Narrow"/>). So every operation that
/// does not say otherwise gives the same bytes on every device, for any thread count.
/// </para>
/// <para>
/// <b>Waiting.</b> An operation that returns a value to the host, or fills a span of it, has ended when it returns; the
/// others have at the next <see cref="Synchronize"/>, and failures of theirs may be reported there.
/// </para>
/// <para>
/// <b>Lengths</b>: all elements of an elementwise operation are equally many. <b>Overlap</b>: a destination is
/// identical to
/// a source (same place, same type) or disjoint from all of them. Both are checked, and an
/// <see cref="ArgumentException"/>
/// says what is wrong. More experts than <see cref="Device.MaxExperts"/> are refused the same way.
/// </para>
/// <para>
/// <b>Magnitude bits</b> of a delta (expert minus base, one rounding) are its float32 bits without the sign, for
/// every NaN <see cref="TopKThreshold.NanBits"/>. As integers they are ordered as the magnitudes are, with NaN above
/// infinity.
/// </para>
/// </remarks>
public abstract partial class DeviceQueue : IDisposable
{
    /// <summary>The device this queue belongs to.</summary>
    public abstract Device Device { get; }

    /// <summary>Copies bytes from the host and waits.</summary>
    /// <exception cref="ArgumentException">The sizes differ.</exception>
    public void Upload(ReadOnlySpan<byte> source, DeviceSpan destination)
    {
        CheckByteLength(source.Length, destination, nameof(source));
        UploadCore(source, destination);
    }

    /// <summary>Copies bytes to the host and waits for them, and so for everything queued before.</summary>
    /// <exception cref="ArgumentException">The sizes differ.</exception>
    public void Download(DeviceSpan source, Span<byte> destination)
    {
        CheckByteLength(destination.Length, source, nameof(destination));
        DownloadCore(source, destination);
    }

    /// <summary>
    /// Gives elements' memory itself, where it is the host's own: what is written there needs no
    /// <see cref="Upload(ReadOnlySpan{byte}, DeviceSpan)"/>.
    /// </summary>
    /// <param name="elements">
    /// At most 2^31 - 1 bytes of elements, which no operation uses meanwhile; several threads may ask.
    /// </param>
    /// <param name="bytes">Receives their bytes, or nothing.</param>
    /// <returns>Whether the host reaches them.</returns>
    /// <exception cref="ArgumentException">There are more bytes.</exception>
    public bool TryReach(DeviceSpan elements, out Span<byte> bytes)
    {
        if (elements.ByteLength > int.MaxValue)
        {
            throw new ArgumentException(
                $"{elements.ByteLength} bytes are more than the host can look at in one piece.", nameof(elements));
        }

        return TryReachCore(elements, out bytes);
    }

    /// <summary>Queues the copy of a transfer buffer's first bytes from the host's side to the device's.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The buffer is shorter.</exception>
    public void Upload(TransferBuffer buffer, int byteLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteLength, buffer.ByteLength);
        UploadCore(buffer, byteLength);
    }

    /// <summary>Queues the copy of a transfer buffer's first bytes from the device's side to the host's.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The buffer is shorter.</exception>
    public void Download(TransferBuffer buffer, int byteLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteLength, buffer.ByteLength);
        DownloadCore(buffer, byteLength);
    }

    /// <summary>Copies elements as they are, NaNs with their payloads: the yardstick of the other operations.</summary>
    /// <exception cref="ArgumentException">Types or lengths differ, or the memory overlaps.</exception>
    public void Copy(DeviceSpan source, DeviceSpan destination)
    {
        CheckLength(source.Length, destination.Length, nameof(source));
        if (source.DType != destination.DType || source.Overlaps(destination))
        {
            throw new ArgumentException("A copy goes between elements of one type in separate memory.", nameof(source));
        }

        CopyCore(source, destination);
    }

    /// <summary>Waits until everything queued has ended.</summary>
    public abstract void Synchronize();

    /// <summary>
    /// Waits, and tells how many of the values that elementwise operations of this queue have stored since the last
    /// call
    /// are infinite or NaN.
    /// </summary>
    public abstract long TakeNonFinite();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Waits for what is queued and gives the queue's own memory back.</summary>
    protected abstract void Dispose(bool disposing);

    /// <summary><see cref="Upload(ReadOnlySpan{byte}, DeviceSpan)"/>, checked.</summary>
    protected abstract void UploadCore(ReadOnlySpan<byte> source, DeviceSpan destination);

    /// <summary><see cref="Download(DeviceSpan, Span{byte})"/>, checked.</summary>
    protected abstract void DownloadCore(DeviceSpan source, Span<byte> destination);

    /// <summary><see cref="TryReach"/>, checked.</summary>
    protected virtual bool TryReachCore(DeviceSpan elements, out Span<byte> bytes)
    {
        bytes = default;
        return false;
    }

    /// <summary><see cref="Upload(TransferBuffer, int)"/>, checked.</summary>
    protected abstract void UploadCore(TransferBuffer buffer, int byteLength);

    /// <summary><see cref="Download(TransferBuffer, int)"/>, checked.</summary>
    protected abstract void DownloadCore(TransferBuffer buffer, int byteLength);

    /// <summary><see cref="Copy"/>, checked.</summary>
    protected abstract void CopyCore(DeviceSpan source, DeviceSpan destination);
}
