using Interfuse.Merging.Search;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests.Search;

/// <summary>Scores models of the one tensor <c>w</c> by a function of its values, and remembers which it was given.</summary>
internal sealed class FakeEvaluator(Func<double[], double> score) : IModelEvaluator
{
    /// <summary>The directories it was given, in order.</summary>
    public List<string> Models { get; } = [];

    /// <summary>Is called before each evaluation with its number, from 1.</summary>
    public Action<int> Before { get; init; } = _ => { };

    /// <summary>A score that is best at one place.</summary>
    public static FakeEvaluator Near(params double[] place) =>
        new(values => -values.Zip(place, (value, best) => Math.Abs(value - best)).Sum());

    public double Evaluate(string modelDirectory, CancellationToken cancellation)
    {
        Before(Models.Count + 1);
        cancellation.ThrowIfCancellationRequested();
        Models.Add(modelDirectory);
        return score(ModelTensors.Read(modelDirectory)["w"]);
    }
}
