using System.Runtime.InteropServices;

namespace Interfuse.Compute;

/// <summary>Memory outside the managed heap, so that no collection moves it and no length is too long.</summary>
internal sealed unsafe class CpuMemory : IDisposable
{
    private const nuint Alignment = 64;

    private void* _address;

    public CpuMemory(long byteLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        try
        {
            _address = NativeMemory.AlignedAlloc(Math.Max((nuint)byteLength, 1), Alignment);
        }
        catch (OutOfMemoryException error)
        {
            throw new OutOfDeviceMemoryException("CPU", byteLength, free: null, error);
        }
    }

    ~CpuMemory() => Free();

    public byte* Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(_address is null, typeof(DeviceBuffer));
            return (byte*)_address;
        }
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_address);
        _address = null;
    }
}

/// <summary>A buffer of a <see cref="CpuDevice"/>.</summary>
internal unsafe interface ICpuBuffer
{
    byte* Address { get; }
}

/// <inheritdoc cref="DeviceBuffer"/>
internal sealed unsafe class CpuBuffer(long byteLength) : DeviceBuffer(byteLength), ICpuBuffer
{
    private readonly CpuMemory _memory = new(byteLength);

    public byte* Address => _memory.Address;

    protected override void Dispose(bool disposing) => _memory.Dispose();
}

/// <summary>A transfer buffer whose two sides are the same memory.</summary>
internal sealed unsafe class CpuTransferBuffer(int byteLength) : TransferBuffer(byteLength), ICpuBuffer
{
    private readonly CpuMemory _memory = new(byteLength);

    public byte* Address => _memory.Address;

    public override Span<byte> Host => new(Address, (int)ByteLength);

    protected override void Dispose(bool disposing) => _memory.Dispose();
}
