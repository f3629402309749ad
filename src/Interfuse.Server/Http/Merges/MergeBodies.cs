using Interfuse.Server.Jobs;

namespace Interfuse.Server.Http.Merges;

/// <summary>The body of <c>POST /v1/merges</c>.</summary>
internal sealed record MergeBody
{
    /// <summary>The recipe's YAML. Its paths are relative to the allowed folders.</summary>
    public string? Recipe { get; init; }

    /// <summary>The name of the directory to make: letters, digits, and <c>. _ -</c>.</summary>
    public string? Output { get; init; }

    /// <summary>The device to compute on; none for the one configured.</summary>
    public string? Device { get; init; }

    /// <summary>How many threads compute; none for as many as are configured, which it can't exceed.</summary>
    public int? Threads { get; init; }
}

/// <summary>A merge job.</summary>
/// <param name="Id">What it is known by.</param>
/// <param name="Object">What this is.</param>
/// <param name="State"><c>queued</c>, <c>running</c>, <c>done</c>, <c>failed</c> or <c>cancelled</c>.</param>
/// <param name="Output">The name of the directory it makes.</param>
/// <param name="Method">The recipe's merge method.</param>
/// <param name="Recipe">The recipe's YAML; null in lists.</param>
/// <param name="Device">The device it computes on.</param>
/// <param name="Threads">How many threads it computes on.</param>
/// <param name="Attempts">How often it was begun, those times left out that the server put it aside in order.</param>
/// <param name="CreatedAt">When it was submitted.</param>
/// <param name="StartedAt">When it was begun, the last time.</param>
/// <param name="FinishedAt">When it ended.</param>
/// <param name="Progress">How far it is; null unless it runs.</param>
/// <param name="Result">What it made; null until it is done.</param>
/// <param name="Error">Why it failed.</param>
/// <param name="Warnings">What is odd about the recipe but no error.</param>
internal sealed record MergeReport(
    string Id,
    string Object,
    string State,
    string Output,
    string Method,
    string? Recipe,
    string Device,
    int Threads,
    int Attempts,
    DateTimeOffset CreatedAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset? FinishedAt,
    MergeJobProgress? Progress,
    MergeJobResult? Result,
    string? Error,
    IReadOnlyList<string> Warnings)
{
    /// <summary>What clients are told of a job.</summary>
    /// <param name="job">The job.</param>
    /// <param name="withRecipe">Whether with its recipe, which may be long.</param>
    public static MergeReport Of(MergeJob job, bool withRecipe) => new(
        job.Id,
        "merge",
        JobStore.Word(job.State),
        job.Output,
        job.Method,
        withRecipe ? job.Recipe : null,
        job.Device,
        job.Threads,
        job.Attempts,
        job.CreatedAt,
        job.StartedAt,
        job.FinishedAt,
        job.Progress,
        job.Result,
        job.Error,
        job.Warnings);
}

/// <summary>A page of jobs, the newest first.</summary>
/// <param name="Object">What this is.</param>
/// <param name="Data">The jobs.</param>
/// <param name="HasMore">Whether there are older ones: ask with the last one's id as <c>after</c>.</param>
internal sealed record MergeReports(string Object, IReadOnlyList<MergeReport> Data, bool HasMore);
