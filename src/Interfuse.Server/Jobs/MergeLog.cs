using Microsoft.Extensions.Logging;

namespace Interfuse.Server.Jobs;

/// <summary>What the log says of merge jobs: a line for each change of state, and none of a recipe's content.</summary>
internal static partial class MergeLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Merge job {Id} waits: {Method} into {Output}")]
    public static partial void Queued(ILogger logger, string id, string method, string output);

    [LoggerMessage(
        Level = LogLevel.Information, Message = "Merge job {Id} runs, attempt {Attempt}, on {Threads} threads of {Device}")]
    public static partial void Running(ILogger logger, string id, int attempt, int threads, string device);

    [LoggerMessage(
        Level = LogLevel.Information, Message = "Merge job {Id} is done after {Elapsed}: {Kind} {Output} of {Bytes} bytes")]
    public static partial void Done(ILogger logger, string id, TimeSpan elapsed, string kind, string output, long bytes);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Merge job {Id} failed: {Reason}")]
    public static partial void Failed(ILogger logger, string id, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Merge job {Id} failed by a fault of Interfuse's own; please report it")]
    public static partial void Broke(ILogger logger, Exception error, string id);

    [LoggerMessage(Level = LogLevel.Information, Message = "Merge job {Id} is cancelled")]
    public static partial void Cancelled(ILogger logger, string id);

    [LoggerMessage(Level = LogLevel.Information, Message = "Merge job {Id} is put aside and goes on at the next start")]
    public static partial void PutAside(ILogger logger, string id);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "Merge job {Id} was at work when the server ended, attempt {Attempt}; it goes on")]
    public static partial void Recovered(ILogger logger, string id, int attempt);

    [LoggerMessage(Level = LogLevel.Warning, Message = "What merge job {Id} left can't be deleted: {Reason}")]
    public static partial void NotCleared(ILogger logger, string id, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The list of merge jobs can't be written; trying again in {Delay}")]
    public static partial void StoreFailed(ILogger logger, Exception error, TimeSpan delay);
}
