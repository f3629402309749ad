namespace Interfuse.Server.Engine;

/// <summary>A request that was not taken, or not finished. The message is fit for clients: it names no path and quotes
/// no prompt.</summary>
public sealed class EngineException : InterfuseException
{
    /// <summary>Says what is wrong.</summary>
    /// <param name="fault">What kind of thing it is.</param>
    /// <param name="message">What was expected, and what to do.</param>
    /// <param name="parameter">The property of the request that is at fault, as <see cref="EngineRequest"/> calls
    /// it.</param>
    /// <param name="retryAfter">When it may be worth trying again.</param>
    public EngineException(EngineFault fault, string message, string? parameter = null, TimeSpan? retryAfter = null)
        : base(message)
    {
        Fault = fault;
        Parameter = parameter;
        RetryAfter = retryAfter;
    }

    /// <summary>What kind of thing is wrong.</summary>
    public EngineFault Fault { get; }

    /// <summary>The property of the request that is at fault, or null.</summary>
    public string? Parameter { get; }

    /// <summary>When it may be worth trying again, or null.</summary>
    public TimeSpan? RetryAfter { get; }
}

/// <summary>Why a request was not taken, or not finished.</summary>
public enum EngineFault
{
    /// <summary>There is no model, expert or tensor of this name.</summary>
    UnknownModel,

    /// <summary>The request itself is at fault.</summary>
    BadRequest,

    /// <summary>As many requests wait as may; try again.</summary>
    Busy,

    /// <summary>Its time was over before the answer was.</summary>
    Deadline,

    /// <summary>The model is being unloaded, or the process ends.</summary>
    Unavailable,

    /// <summary>The model is broken, or the device failed.</summary>
    Failed,
}
