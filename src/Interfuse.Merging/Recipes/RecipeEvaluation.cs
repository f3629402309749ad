namespace Interfuse.Merging.Recipes;

/// <summary>How a recipe that chooses among merges says what a good model is: by tasks, or by a command's number.</summary>
/// <remarks>Either <see cref="Tasks"/> or <see cref="Command"/> has entries, never both.</remarks>
public sealed record RecipeEvaluation
{
    /// <summary>What a command's argument has where the model's directory is to stand.</summary>
    public const string ModelPlace = "{model}";

    internal static readonly TimeSpan DefaultTimeout = TimeSpan.FromHours(1);

    internal RecipeEvaluation()
    {
    }

    /// <summary>The files of tasks that the built-in evaluator puts to a model; empty where a command evaluates.</summary>
    public IReadOnlyList<ModelReference> Tasks { get; init; } = [];

    /// <summary>The most tokens of an answer, 1 or more; null for the evaluator's own bound.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>How many samples of each task count, the first ones; null for all.</summary>
    public int? Limit { get; init; }

    /// <summary>A program and its arguments, in some of which <see cref="ModelPlace"/> stands; empty where tasks
    /// decide.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>How long the command may take for one model.</summary>
    public TimeSpan Timeout { get; init; } = DefaultTimeout;

    /// <summary>Where the evaluation begins in the recipe.</summary>
    public required SourceLocation Location { get; init; }
}
