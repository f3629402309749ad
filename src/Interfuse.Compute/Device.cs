namespace Interfuse.Compute;

/// <summary>What the engine computes on: a processor with its memory. Gives out memory and queues.</summary>
/// <remarks>
/// Thread-safe. Buffers and queues belong to their device and are disposed of before it; a queue serves one thread at a
/// time, a buffer any number of queues of its device.
/// </remarks>
public abstract class Device : IDisposable
{
    /// <summary>The device in words, for people.</summary>
    public abstract string Name { get; }

    /// <summary>How many experts (or other inputs besides the base) one operation takes at most.</summary>
    public abstract int MaxExperts { get; }

    /// <summary>How many tiles (<see cref="TileGrid"/>) one operation should be given to be worth its launch.</summary>
    public abstract int TilesPerStep { get; }

    /// <summary>Takes memory on the device. Its first contents are undefined.</summary>
    /// <param name="byteLength">The size in bytes, 0 or more.</param>
    /// <exception cref="OutOfDeviceMemoryException">The device, or what this process may use of it, is
    /// full.</exception>
    public abstract DeviceBuffer Allocate(long byteLength);

    /// <summary>Takes memory that both the host and the device reach. Its first contents are undefined.</summary>
    /// <param name="byteLength">The size in bytes, 0 to 2^31 - 1.</param>
    /// <exception cref="OutOfDeviceMemoryException">The device, or what this process may use of it, is
    /// full.</exception>
    public abstract TransferBuffer AllocateTransfer(int byteLength);

    /// <summary>Makes a queue, whose operations run in order, and beside those of other queues.</summary>
    public abstract DeviceQueue CreateQueue();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the device back.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
