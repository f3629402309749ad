namespace Interfuse.Compute.Cuda;

/// <summary>
/// A ring of pinned memory through which bytes of ordinary memory go to the device and back: a copy that the device
/// makes by itself may neither wait for the caller's memory nor outlive it.
/// </summary>
internal sealed unsafe class CudaStaging : IDisposable
{
    private const int SlotLength = 1 << 20;
    private const int SlotCount = 4;
    private const int SmallLength = 1 << 16;

    private readonly CudaStream _stream;
    private readonly PinnedMemory _memory;
    private readonly CudaEventHandle[] _ended = new CudaEventHandle[SlotCount];
    private int _slot;
    private int _used;

    /// <summary>Takes the memory.</summary>
    /// <exception cref="OutOfDeviceMemoryException">The host can't spare it.</exception>
    /// <exception cref="CudaDriverException">The driver refuses.</exception>
    public CudaStaging(CudaStream stream, string device)
    {
        _stream = stream;
        _memory = new PinnedMemory(stream.Context, (SlotCount * SlotLength) + SmallLength, device);
        try
        {
            for (int i = 0; i < SlotCount; i++)
            {
                _ended[i] = new CudaEventHandle(stream.Context, CUevent_flags.CU_EVENT_DISABLE_TIMING);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private ICudaDriver Driver => _stream.Context.Driver;

    /// <summary>Copies the bytes aside and queues their way to the device. The context is current.</summary>
    public void Write(ulong address, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            if (_used == SlotLength)
            {
                NextSlot();
            }

            int length = Math.Min(source.Length, SlotLength - _used);
            byte* place = Place(_slot) + _used;
            source[..length].CopyTo(new Span<byte>(place, length));
            Driver.Check(Driver.cuMemcpyHtoDAsync_v2(
                new CUdeviceptr(address), place, (nuint)length, _stream.ForWork()));
            _used += length;
            address += (ulong)length;
            source = source[length..];
        }
    }

    /// <summary>Copies bytes from the device and waits for them. The context is current.</summary>
    public void Read(ulong address, Span<byte> destination)
    {
        if (destination.Length > SmallLength)
        {
            ReadThroughRing(address, destination);
        }
        else if (!destination.IsEmpty)
        {
            // Beside the ring, which may still be on its way to the device: one wait is enough.
            byte* place = Place(SlotCount);
            Driver.Check(Driver.cuMemcpyDtoHAsync_v2(
                place, new CUdeviceptr(address), (nuint)destination.Length, _stream.ForWork()));
            _stream.Synchronize();
            new ReadOnlySpan<byte>(place, destination.Length).CopyTo(destination);
        }
    }

    public void Dispose()
    {
        foreach (CudaEventHandle? ended in _ended)
        {
            ended?.Dispose();
        }

        _memory.Dispose();
    }

    // One slot is copied out of while the next ones are filled.
    private void ReadThroughRing(ulong address, Span<byte> destination)
    {
        _stream.Synchronize();
        _slot = 0;
        _used = 0;
        int queued = 0;
        int pieces = (destination.Length + SlotLength - 1) / SlotLength;
        for (int piece = 0; piece < pieces; piece++)
        {
            for (; queued < pieces && queued < piece + SlotCount; queued++)
            {
                Queue(address, queued, destination.Length);
            }

            int start = piece * SlotLength;
            Span<byte> part = destination.Slice(start, Math.Min(SlotLength, destination.Length - start));
            _ended[piece % SlotCount].Synchronize();
            new ReadOnlySpan<byte>(Place(piece % SlotCount), part.Length).CopyTo(part);
        }

        _stream.Synchronize();
    }

    private void Queue(ulong address, int piece, int total)
    {
        int start = piece * SlotLength;
        int length = Math.Min(SlotLength, total - start);
        Driver.Check(Driver.cuMemcpyDtoHAsync_v2(
            Place(piece % SlotCount), new CUdeviceptr(address + (ulong)start), (nuint)length, _stream.ForWork()));
        _ended[piece % SlotCount].Record(_stream);
    }

    private byte* Place(int slot) => _memory.Start + (slot * SlotLength);

    // Marks the end of this slot's use, and waits for the last use of the next one: an event never recorded has ended.
    private void NextSlot()
    {
        _ended[_slot].Record(_stream);
        _slot = (_slot + 1) % SlotCount;
        _used = 0;
        _ended[_slot].Synchronize();
    }
}
