using System.Diagnostics;

namespace Interfuse.Compute;

public abstract partial class DeviceQueue
{
    /// <summary>
    /// How long the device is busy with what an action queues here: from the beginning of the first operation to the
    /// end of
    /// the last. Waits for what was queued before, and for the end.
    /// </summary>
    /// <remarks>
    /// A device with a clock of its own uses that; where there is none, the host's clock is read around the action.
    /// </remarks>
    /// <param name="work">Queues operations, often the same one many times: what lasts microseconds is measured in
    /// bulk.</param>
    public virtual TimeSpan Measure(Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        Synchronize();
        long begin = Stopwatch.GetTimestamp();
        work();
        Synchronize();
        return Stopwatch.GetElapsedTime(begin);
    }
}
