namespace Interfuse.Server.Jobs;

/// <summary>What was asked of merge jobs can't be done. The message is fit for clients: it names no path but theirs.</summary>
public sealed class MergeJobException : InterfuseException
{
    /// <summary>Says what is wrong.</summary>
    /// <param name="fault">What kind of thing it is.</param>
    /// <param name="message">What was expected, and what to do.</param>
    /// <param name="parameter">The property of the request that is at fault.</param>
    public MergeJobException(MergeJobFault fault, string message, string? parameter = null)
        : base(message)
    {
        Fault = fault;
        Parameter = parameter;
    }

    /// <summary>What kind of thing is wrong.</summary>
    public MergeJobFault Fault { get; }

    /// <summary>The property of the request that is at fault, or null.</summary>
    public string? Parameter { get; }

    /// <summary>The recipe's line that is at fault, from 1; null where it is no line.</summary>
    public int? Line { get; init; }

    /// <summary>The column in the line, from 1; null where it is no line.</summary>
    public int? Column { get; init; }

    /// <summary>When it may be worth trying again, or null.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>Why something asked of merge jobs can't be done.</summary>
public enum MergeJobFault
{
    /// <summary>The request or its recipe is at fault.</summary>
    BadRequest,

    /// <summary>There is no such job.</summary>
    UnknownJob,

    /// <summary>The output's name is taken, or the job has ended.</summary>
    Conflict,

    /// <summary>As many jobs wait as may; try again.</summary>
    Busy,

    /// <summary>This server runs no merge jobs.</summary>
    NotConfigured,
}
