using System.Globalization;

namespace Interfuse.Compute;

/// <summary>A device has no room for an allocation.</summary>
public sealed class OutOfDeviceMemoryException : InterfuseException
{
    /// <summary>Says how much was wanted and how much there is.</summary>
    /// <param name="device">The device's name.</param>
    /// <param name="requested">The bytes asked for.</param>
    /// <param name="free">The bytes that could still be had, or null where nobody knows.</param>
    /// <param name="inner">What the driver said, if it was asked.</param>
    public OutOfDeviceMemoryException(string device, long requested, long? free, Exception? inner = null)
        : base(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{device}: {requested} bytes were asked for, but {(free is { } left ? $"{left} bytes are" : "so much is not")} free; use fewer threads or another device"),
            inner)
    {
        Requested = requested;
        Free = free;
    }

    /// <summary>The bytes asked for.</summary>
    public long Requested { get; }

    /// <summary>The bytes that could still be had, or null where nobody knows.</summary>
    public long? Free { get; }
}
