using System.Runtime.InteropServices;

namespace Interfuse.Compute;

/// <summary>A buffer over memory of somebody else, which it holds as long as it lives.</summary>
internal sealed unsafe class WrappedBuffer : DeviceBuffer, ICpuBuffer
{
    private readonly SafeBuffer _memory;
    private byte* _address;

    public WrappedBuffer(SafeBuffer memory, long byteOffset, long byteLength)
        : base(byteLength)
    {
        _memory = memory;
        byte* start = null;
        memory.AcquirePointer(ref start);
        _address = start + byteOffset;
    }

    ~WrappedBuffer() => Dispose(disposing: false);

    public byte* Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(_address is null, typeof(DeviceBuffer));
            return _address;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (_address is not null)
        {
            _memory.ReleasePointer();
        }

        _address = null;
    }
}
