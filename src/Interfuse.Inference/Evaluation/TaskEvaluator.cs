using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Inference.Models;
using Interfuse.Inference.Tokenization;
using Interfuse.Merging.Recipes;
using Interfuse.Merging.Search;

namespace Interfuse.Inference.Evaluation;

/// <summary>Evaluates models by the tasks of a recipe: the mean of their chief figures, perplexities negated.</summary>
public sealed class TaskEvaluator : IModelEvaluator, IDisposable
{
    private readonly EvaluationTask[] _tasks;
    private readonly EvaluationOptions _options;
    private readonly Device _device;

    /// <summary>Reads the tasks.</summary>
    /// <param name="recipe">A recipe whose evaluation has tasks.</param>
    /// <param name="threads">The threads that models run on.</param>
    /// <exception cref="RecipeException">A figure of one task is better when greater, of another when smaller.</exception>
    /// <exception cref="CheckpointFormatException">A file is no task.</exception>
    public TaskEvaluator(Recipe recipe, int threads)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        if (recipe.Evaluation is not { Tasks.Count: > 0 } evaluation)
        {
            throw new ArgumentException("The recipe has no tasks to evaluate by.", nameof(recipe));
        }

        _tasks = [.. evaluation.Tasks.Select(task => Load(recipe.ResolvePath(task), evaluation.Limit))];
        bool isPerplexity = IsPerplexity(_tasks[0]);
        if (Array.FindIndex(_tasks, task => IsPerplexity(task) != isPerplexity) is > 0 and var other)
        {
            throw new RecipeException(evaluation.Tasks[other].Location, $"'{evaluation.Tasks[other].Text}' can't be "
                + $"averaged with '{evaluation.Tasks[0].Text}': of a perplexity less is better, of a share of right answers "
                + "more; give tasks of one direction");
        }

        var defaults = new EvaluationOptions();
        _options = defaults with { MaxTokens = evaluation.MaxTokens ?? defaults.MaxTokens };
        _device = Devices.Open(Devices.Cpu, threads).Device;
    }

    /// <inheritdoc/>
    public double Evaluate(string modelDirectory, CancellationToken cancellation)
    {
        using ModelWeights weights = ModelWeights.Open(modelDirectory);
        using Decoder decoder = Decoder.Load(weights, _device);
        var evaluator = new Evaluator(decoder, Tokenizer.Load(modelDirectory), _options);
        double sum = 0;
        foreach (EvaluationTask task in _tasks)
        {
            EvaluationResult result = evaluator.Evaluate(task, cancellation: cancellation);
            sum += result.HigherIsBetter ? result.Value : -result.Value;
        }

        return sum / _tasks.Length;
    }

    /// <summary>Closes the device that models run on.</summary>
    public void Dispose() => _device.Dispose();

    private static bool IsPerplexity(EvaluationTask task) => task.Kind == EvaluationKind.Perplexity;

    private static EvaluationTask Load(string path, int? limit)
    {
        EvaluationTask task = EvaluationTask.Load(path);
        return limit is { } count ? task with { Samples = [.. task.Samples.Take(count)] } : task;
    }
}
