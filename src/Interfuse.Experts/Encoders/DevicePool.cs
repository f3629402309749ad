using Interfuse.Compute;

namespace Interfuse.Experts.Encoders;

/// <summary>
/// Keeps buffers of a device that were given back for whoever wants some of the same size: most matrices of a model have
/// few sizes, and new memory costs the system as much as filling it.
/// </summary>
/// <param name="device">Has the memory.</param>
/// <param name="memory">Bytes that all buffers together may take before those kept are let go.</param>
internal sealed class DevicePool(Device device, long memory) : IDisposable
{
    private readonly List<DeviceBuffer> _kept = [];
    private long _held;

    /// <summary>Gives a buffer; its first contents are undefined.</summary>
    /// <param name="byteLength">Its size, exactly.</param>
    public DeviceBuffer Take(long byteLength)
    {
        int place = _kept.FindIndex(buffer => buffer.ByteLength == byteLength);
        if (place >= 0)
        {
            DeviceBuffer found = _kept[place];
            _kept.RemoveAt(place);
            return found;
        }

        // Those kept longest go first.
        while (_kept.Count > 0 && _held + byteLength > memory)
        {
            _held -= _kept[0].ByteLength;
            _kept[0].Dispose();
            _kept.RemoveAt(0);
        }

        DeviceBuffer made = device.Allocate(byteLength);
        _held += byteLength;
        return made;
    }

    /// <summary>Takes a buffer back, which nothing queued uses any more.</summary>
    public void GiveBack(DeviceBuffer buffer) => _kept.Add(buffer);

    /// <summary>Lets go of what was given back.</summary>
    public void Dispose() => _kept.ForEach(buffer => buffer.Dispose());
}
