using Interfuse.Compute;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Jobs;

/// <summary>Where merge jobs read and write, and within which bounds. Without an <see cref="OutputRoot"/> there are
/// none.</summary>
public sealed class MergeJobOptions
{
    /// <summary>The section of the configuration that these stand in.</summary>
    public const string Section = "Interfuse:Merges";

    /// <summary>The folders in which everything lies that recipes may name.</summary>
    public IList<string> ModelRoots { get; } = [];

    /// <summary>The folder that results are put into, or null for no merge jobs.</summary>
    public string? OutputRoot { get; set; }

    /// <summary>The folder that the list of jobs is kept in. It is made as needed; no two servers share one.</summary>
    public string? StateFolder { get; set; }

    /// <summary>The device where a request names none: <c>cpu</c>, <c>cuda</c>, <c>auto</c> or <c>software</c>.</summary>
    public string Device { get; set; } = Devices.Cpu;

    /// <summary>The most threads that a job computes on, 1 or more; 0 for one for every two processors.</summary>
    public int Threads { get; set; }

    /// <summary>The most memory that a job takes, in bytes.</summary>
    public long MaxMemory { get; set; } = 4L << 30;

    /// <summary>The size at which a result begins a new file, in bytes of tensors.</summary>
    public long ShardSize { get; set; } = 5_000_000_000;

    /// <summary>The most jobs that wait, 1 or more.</summary>
    public int MaxQueued { get; set; } = 16;

    /// <summary>How many jobs that have ended are remembered, 1 or more.</summary>
    public int MaxFinished { get; set; } = 200;

    /// <summary>How often a job is begun that the process does not survive, 1 or more.</summary>
    public int MaxAttempts { get; set; } = 3;

    /// <summary>Whether there are merge jobs.</summary>
    internal bool AreOn => OutputRoot is not null;

    /// <summary>The threads that a job has.</summary>
    internal int ThreadCount => Threads > 0 ? Threads : Math.Max(1, Environment.ProcessorCount / 2);
}

/// <summary>Checks the options when the host starts.</summary>
internal sealed class MergeJobOptionsValidator : IValidateOptions<MergeJobOptions>
{
    private const int MaxThreads = 1024;

    public ValidateOptionsResult Validate(string? name, MergeJobOptions options)
    {
        if (!options.AreOn)
        {
            return ValidateOptionsResult.Success;
        }

        List<string> faults = [];
        void Expect(bool holds, string setting, string expected)
        {
            if (!holds)
            {
                faults.Add($"{MergeJobOptions.Section}:{setting}: expected {expected}");
            }
        }

        Expect(Directory.Exists(options.OutputRoot), nameof(options.OutputRoot), "a folder that is there");
        Expect(!string.IsNullOrEmpty(options.StateFolder), nameof(options.StateFolder), "a folder to keep the list of jobs in");
        Expect(options.ModelRoots.Count > 0, nameof(options.ModelRoots), "a folder, or more, that models lie in");
        foreach (string folder in options.ModelRoots)
        {
            Expect(Directory.Exists(folder), nameof(options.ModelRoots), $"folders that are there, and {folder} is not");
        }

        Expect(Devices.Names.Contains(options.Device), nameof(options.Device), $"one of {string.Join(", ", Devices.Names)}");
        Expect(options.Threads is >= 0 and <= MaxThreads, nameof(options.Threads), $"0 to {MaxThreads}");
        Expect(options.MaxMemory > 0, nameof(options.MaxMemory), "a number of bytes above 0");
        Expect(options.ShardSize > 0, nameof(options.ShardSize), "a number of bytes above 0");
        Expect(options.MaxQueued > 0, nameof(options.MaxQueued), "1 or more");
        Expect(options.MaxFinished > 0, nameof(options.MaxFinished), "1 or more");
        Expect(options.MaxAttempts > 0, nameof(options.MaxAttempts), "1 or more");
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}
