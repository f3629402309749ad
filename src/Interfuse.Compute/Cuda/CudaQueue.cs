using Interfuse.Checkpoints;

namespace Interfuse.Compute.Cuda;

/// <summary>A stream of a CUDA device and what its operations need: see <see cref="DeviceQueue"/>.</summary>
public sealed partial class CudaQueue : DeviceQueue
{
    private readonly CudaDevice _device;
    private readonly CudaStream _stream;
    private readonly CudaStaging _staging;
    private readonly CudaAllocation _nonFinite;
    private readonly CudaModule _module;
    private CudaAllocation? _scratch;
    private long _scratchLength;
    private bool _disposed;

    internal CudaQueue(CudaDevice device)
    {
        _device = device;
        // The queue's hold on the module, so that kernels under way outlive the device's disposal.
        bool added = false;
        _module = device.Module;
        _module.DangerousAddRef(ref added);
        try
        {
            _stream = new CudaStream(device.Context);
            device.Streams.Add(_stream);
            _staging = new CudaStaging(_stream, device.Name);
            _nonFinite = new CudaAllocation(device.Pool, sizeof(ulong), _stream);
            Clear(NonFiniteCounter, sizeof(ulong));
        }
        catch
        {
            Release();
            throw;
        }
    }

    /// <inheritdoc/>
    public override Device Device => _device;

    private int Multiprocessors => _device.Multiprocessors;

    // The device address of this queue's 64-bit counter: kernels add what they store that is not finite.
    private ulong NonFiniteCounter => _nonFinite.Address;

    /// <summary>Marks this point of the queue, for timing or for <see cref="WaitFor"/>.</summary>
    /// <exception cref="CudaDriverException">The driver refuses.</exception>
    public CudaEvent Record()
    {
        Begin();
        return new CudaEvent(_stream);
    }

    /// <summary>Lets what is queued from now on wait for a mark of another queue of the device.</summary>
    /// <exception cref="CudaDriverException">The driver refuses.</exception>
    public void WaitFor(CudaEvent mark)
    {
        ArgumentNullException.ThrowIfNull(mark);
        ObjectDisposedException.ThrowIf(mark.Handle.IsClosed, mark);
        Begin();
        Driver.Check(Driver.cuStreamWaitEvent(_stream.ForWork(), mark.Handle.Value, 0));
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
        Begin();
        _stream.Synchronize();
    }

    /// <inheritdoc/>
    public override long TakeNonFinite()
    {
        ulong count = 0;
        Read(NonFiniteCounter, new Span<ulong>(ref count));
        if (count != 0)
        {
            Clear(NonFiniteCounter, sizeof(ulong));
        }

        return checked((long)count);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!_disposed)
        {
            _disposed = true;
            _stream.Drain();
            Release();
        }
    }

    private ICudaDriver Driver => _device.Context.Driver;

    // The code by which kernels know an element type.
    private static int Code(DType dtype) => dtype switch
    {
        DType.Float32 => 0,
        DType.BFloat16 => 1,
        DType.Float16 => 2,
        DType.Float64 => 3,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "Kernels know F32, BF16, F16 and F64."),
    };

    // The device address of the first element.
    private static ulong Address(DeviceSpan span) => span.Buffer is ICudaBuffer buffer
        ? buffer.Address + (ulong)span.ByteOffset
        : throw new ArgumentException("The memory is not a CUDA device's.", nameof(span));

    // Every call that reaches the driver begins with this.
    private void Begin()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _device.Context.MakeCurrent();
    }

    // Device memory of the queue's own, aligned to 256 bytes, that later work of this queue may use until the next
    // call.
    internal ulong Scratch(long byteLength)
    {
        if (_scratch is null || byteLength > _scratchLength)
        {
            _scratch?.Dispose();
            _scratch = null;
            _scratch = new CudaAllocation(_device.Pool, byteLength, _stream);
            _scratchLength = byteLength;
        }

        return _scratch.Address;
    }

    private void Release()
    {
        _scratch?.Dispose();
        _nonFinite?.Dispose();
        _staging?.Dispose();
        if (_stream is not null)
        {
            _device.Streams.Remove(_stream);
            _stream.Dispose();
        }

        _module.DangerousRelease();
    }
}
