using System.Runtime.InteropServices;

namespace Interfuse.Compute;

/// <summary>The machine's own processor: every operation by SIMD, on one thread or many.</summary>
public sealed class CpuDevice : Device
{
    /// <summary>Makes a device.</summary>
    /// <param name="path">The vector width to compute with.</param>
    /// <param name="threads">On how many threads an operation of one queue runs, 1 or more; results don't depend on
    /// it.</param>
    public CpuDevice(CpuPath path, int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Kernels = new CpuKernels(path);
        Threads = threads;
    }

    /// <summary>Makes a device for <see cref="CpuKernels.BestPath"/>.</summary>
    /// <exception cref="InterfuseException">INTERFUSE_CPU_PATH names no path.</exception>
    public CpuDevice(int threads)
        : this(CpuKernels.BestPath, threads)
    {
    }

    /// <inheritdoc/>
    public override string Name => Path switch
    {
        CpuPath.Scalar => "CPU (scalar)",
        CpuPath.Vector128 => "CPU (128 bits)",
        CpuPath.Vector256 => "CPU (256 bits)",
        _ => "CPU (512 bits)",
    };

    /// <summary>The vector width of its kernels.</summary>
    public CpuPath Path => Kernels.Path;

    /// <summary>On how many threads an operation of one queue runs.</summary>
    public int Threads { get; }

    /// <inheritdoc/>
    public override int MaxExperts => int.MaxValue;

    /// <inheritdoc/>
    public override int TilesPerStep => Threads;

    internal CpuKernels Kernels { get; }

    /// <summary>
    /// Replaces the random numbers of <see cref="RandomDrop"/>, to replay what another tool's generator gave.
    /// </summary>
    public RandomNumbers? Numbers { get; init; }

    /// <inheritdoc/>
    public override DeviceBuffer Allocate(long byteLength) => new CpuBuffer(byteLength);

    /// <inheritdoc/>
    public override TransferBuffer AllocateTransfer(int byteLength) => new CpuTransferBuffer(byteLength);

    /// <summary>Makes a buffer of memory that is there already, for example a mapped file, without a copy.</summary>
    /// <remarks>
    /// The buffer frees nothing: it holds the memory, which stays where it is until the last buffer over it, and every
    /// other holder, has let go. Memory that can only be read must not be a destination. It is aligned as it is given.
    /// </remarks>
    /// <param name="memory">The memory.</param>
    /// <param name="byteOffset">Where in it the buffer begins.</param>
    /// <param name="byteLength">The buffer's length.</param>
    /// <exception cref="ArgumentOutOfRangeException">The memory is shorter.</exception>
    public static DeviceBuffer Wrap(SafeBuffer memory, long byteOffset, long byteLength)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)byteOffset, memory.ByteLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)byteLength, memory.ByteLength - (ulong)byteOffset);
        return new WrappedBuffer(memory, byteOffset, byteLength);
    }

    /// <inheritdoc/>
    public override DeviceQueue CreateQueue() => new CpuQueue(this);
}

/// <summary>Fills in the random numbers of consecutive elements, the first of which is a multiple of eight.</summary>
/// <param name="drop">Whose numbers: its stream tells tensor and expert.</param>
/// <param name="firstElement">The flat index of the first element.</param>
/// <param name="numbers">Receives a number per element.</param>
public delegate void RandomNumbers(RandomDrop drop, long firstElement, Span<ushort> numbers);
