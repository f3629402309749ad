namespace Interfuse.Server.Jobs;

/// <summary>Merges that run one after another behind a server, and survive its end. Safe for any number of threads.</summary>
/// <remarks>
/// A recipe reads nothing but what lies inside the configured folders, and what comes of it is one new directory in the
/// configured output folder. That directory appears when it is complete, and not before.
/// </remarks>
public interface IMergeJobs
{
    /// <summary>Checks a recipe, reads the headers of its models, and puts it into the queue.</summary>
    /// <param name="request">What to merge.</param>
    /// <returns>The job, which is on the disk when this returns.</returns>
    /// <exception cref="MergeJobException">The recipe is at fault, the output's name is taken, or the queue is full.</exception>
    MergeJob Submit(MergeRequest request);

    /// <summary>Finds a job.</summary>
    /// <param name="id">Its <see cref="MergeJob.Id"/>.</param>
    /// <exception cref="MergeJobException">There is none, or no longer.</exception>
    MergeJob Find(string id);

    /// <summary>Lists jobs, the newest first.</summary>
    /// <param name="limit">How many at most, 1 or more.</param>
    /// <param name="after">The job that those listed are older than; null to begin with the newest.</param>
    /// <exception cref="MergeJobException">There is no job <paramref name="after"/>.</exception>
    IReadOnlyList<MergeJob> List(int limit, string? after = null);

    /// <summary>Cancels a job. One that runs stops within about a second, and nothing is left of it.</summary>
    /// <param name="id">Its <see cref="MergeJob.Id"/>.</param>
    /// <param name="cancellation">Ends the waiting for a job that runs; it is cancelled all the same.</param>
    /// <returns>The job as it has become: cancelled, or done where it was already being put in place.</returns>
    /// <exception cref="MergeJobException">There is none, or it has ended by itself.</exception>
    Task<MergeJob> CancelAsync(string id, CancellationToken cancellation = default);
}

/// <summary>What is to be merged.</summary>
/// <param name="Recipe">The recipe, as YAML of at most 2^20 characters. Its paths are relative to the configured folders.</param>
/// <param name="Output">The name of the directory to make: letters, digits, and <c>. _ -</c>.</param>
public sealed record MergeRequest(string Recipe, string Output)
{
    /// <summary>The device to compute on: <c>cpu</c>, <c>cuda</c>, <c>auto</c> or <c>software</c>; null for the one
    /// configured. The result does not depend on it.</summary>
    public string? Device { get; init; }

    /// <summary>How many threads compute, 1 or more; null for as many as are configured, which it can't exceed.</summary>
    public int? Threads { get; init; }
}
