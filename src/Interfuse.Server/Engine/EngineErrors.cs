namespace Interfuse.Server.Engine;

/// <summary>The errors that requests end with.</summary>
internal static class EngineErrors
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    public static EngineException Busy(int most) => new(
        EngineFault.Busy, $"{most} requests wait for this model already, and no more may; try again later.", retryAfter: Soon);

    public static EngineException Late() => new(
        EngineFault.Deadline, "The request's time was over before its answer was complete; ask for less, or allow it more.");

    public static EngineException Ending() => new(
        EngineFault.Unavailable, "The server is about to end, and takes no more requests.", retryAfter: Soon);

    public static EngineException Loading() => new(
        EngineFault.Unavailable, "The server is still loading its models.", retryAfter: Soon);

    public static EngineException Failed() => new(
        EngineFault.Failed, "The model failed on this request; the server's log tells why.");

    public static EngineException OutOfMemory() => new(
        EngineFault.Failed, "The device's memory is full; try again with a shorter prompt or answer.");

    public static EngineException Unknown(string name, string hint) => new(
        EngineFault.UnknownModel, $"There is no model '{name}'{hint}.", nameof(EngineRequest.Model));

    public static EngineException Bad(string parameter, string message) => new(EngineFault.BadRequest, message, parameter);
}
