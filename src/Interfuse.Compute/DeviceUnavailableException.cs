namespace Interfuse.Compute;

/// <summary>A device was asked for that can't be used here.</summary>
public sealed class DeviceUnavailableException : InterfuseException
{
    /// <summary>Says which and why.</summary>
    /// <param name="device">The device as it was asked for, for example <c>cuda</c>.</param>
    /// <param name="reason">Why it can't be used, and what to do.</param>
    /// <param name="inner">The failure behind it, if there is one.</param>
    public DeviceUnavailableException(string device, string reason, Exception? inner = null)
        : base($"device {device} can't be used: {reason}", inner)
    {
        Device = device;
        Reason = reason;
    }

    /// <summary>The device that was asked for.</summary>
    public string Device { get; }

    /// <summary>Why it can't be used, and what to do.</summary>
    public string Reason { get; }
}
