namespace Interfuse.Server.Jobs;

/// <summary>A merge, and what has become of it.</summary>
public sealed record MergeJob
{
    /// <summary>What it is known by.</summary>
    public required string Id { get; init; }

    /// <summary>How far it has come.</summary>
    public required MergeJobState State { get; init; }

    /// <summary>The recipe's YAML.</summary>
    public required string Recipe { get; init; }

    /// <summary>The name of the directory it makes.</summary>
    public required string Output { get; init; }

    /// <summary>The recipe's merge method.</summary>
    public required string Method { get; init; }

    /// <summary>The device it computes on, as <see cref="MergeRequest.Device"/> has it.</summary>
    public required string Device { get; init; }

    /// <summary>How many threads it computes on.</summary>
    public required int Threads { get; init; }

    /// <summary>When it was submitted.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was begun, the last time if more than once; null before that.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it ended; null before that.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>How often it was begun, those times left out that the server put it aside in order.</summary>
    public int Attempts { get; init; }

    /// <summary>What is odd about the recipe but no error.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Why it failed, fit for clients; null if it did not.</summary>
    public string? Error { get; init; }

    /// <summary>What it made; null until it is done.</summary>
    public MergeJobResult? Result { get; init; }

    /// <summary>How far it is; null unless it runs.</summary>
    public MergeJobProgress? Progress { get; init; }

    /// <summary>Whether it was asked to stop while it ran.</summary>
    internal bool IsStopping { get; init; }
}

/// <summary>How far a job has come.</summary>
public enum MergeJobState
{
    /// <summary>It waits for its turn, for the first time or after the server's end.</summary>
    Queued,

    /// <summary>It is at work.</summary>
    Running,

    /// <summary>Its result is in place.</summary>
    Done,

    /// <summary>It can't be done, and nothing is left of it.</summary>
    Failed,

    /// <summary>It was cancelled, and nothing is left of it.</summary>
    Cancelled,
}

/// <summary>How far a job is. No figure ever becomes less while it runs.</summary>
/// <param name="Share">From 0 to 1; below 1 until the result is in place.</param>
/// <param name="Bytes">Bytes of tensors that are written, or of a pack's models that are read.</param>
/// <param name="TotalBytes">Those in all, as far as is known.</param>
/// <param name="Tensors">Tensors that are complete.</param>
/// <param name="TotalTensors">Tensors in all.</param>
public sealed record MergeJobProgress(double Share, long Bytes, long TotalBytes, int Tensors, int TotalTensors)
{
    /// <summary>How many merges a search has evaluated; null for other jobs.</summary>
    public int? Candidates { get; init; }

    /// <summary>How many merges a search evaluates, at most; null for other jobs.</summary>
    public int? TotalCandidates { get; init; }
}

/// <summary>What a job made.</summary>
/// <param name="Kind"><c>model</c> or <c>pack</c>.</param>
/// <param name="Bytes">The bytes of its files.</param>
/// <param name="Identity">The SHA-256 that it is known by when it is loaded, see
/// <see cref="Interfuse.Server.Engine.ServedModel.Identity"/>.</param>
/// <param name="Experts">The names of a pack's experts.</param>
public sealed record MergeJobResult(string Kind, long Bytes, string Identity, IReadOnlyList<string> Experts);
