using Interfuse.Experts.Routing;

namespace Interfuse.Server.Engine;

/// <summary>What is served, on what, and within which bounds.</summary>
public sealed class InterfuseOptions
{
    /// <summary>The section of the configuration that these stand in.</summary>
    public const string Section = "Interfuse";

    /// <summary>The models and packs that are loaded at the start.</summary>
    public IList<ModelSource> Models { get; } = [];

    /// <summary>The device: <c>cpu</c>, <c>cuda</c>, <c>auto</c> or <c>software</c>.</summary>
    public string Device { get; set; } = "cpu";

    /// <summary>How many threads compute, 1 or more; 0 for one a processor.</summary>
    public int Threads { get; set; }

    /// <summary>Whether the host starts before its models are loaded. If one can't be loaded, the host stops.</summary>
    public bool LoadInBackground { get; set; }

    /// <summary>How routers decide where a request does not say.</summary>
    public RoutePolicy Policy { get; set; } = RoutePolicy.Uncertainty;

    /// <summary>The most answers that a model works on at once, 1 to 64.</summary>
    public int MaxBatch { get; set; } = 64;

    /// <summary>The most requests of a model that wait, 1 or more.</summary>
    public int MaxQueue { get; set; } = 256;

    /// <summary>The most tokens of prompts that are read between two tokens of the answers, 1 or more: fewer let answers
    /// flow more evenly, more read prompts faster.</summary>
    public int PromptTokensPerStep { get; set; } = 256;

    /// <summary>The most tokens of a prompt, 1 or more; 0 for what the model's context allows.</summary>
    public int MaxPromptTokens { get; set; }

    /// <summary>The most tokens of an answer that a request may ask for, 1 or more.</summary>
    public int MaxAnswerTokens { get; set; } = 4096;

    /// <summary>The most tokens of an answer where a request does not say, 1 or more.</summary>
    public int DefaultAnswerTokens { get; set; } = 256;

    /// <summary>The longest that any request may take.</summary>
    public TimeSpan Deadline { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>The most bytes of keys and values that a model's running answers may need, 1 or more. A request waits
    /// until all that its prompt and its longest answer can need is free.</summary>
    public long CacheBytes { get; set; } = 4L << 30;

    /// <summary>The most bytes that the files of all loaded models may hold; 0 for any.</summary>
    public long MaxModelBytes { get; set; }

    /// <summary>How long requests that were taken may go on when the process is to end.</summary>
    public TimeSpan DrainTime { get; set; } = TimeSpan.FromSeconds(25);
}
