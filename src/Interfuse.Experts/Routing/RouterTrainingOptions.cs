namespace Interfuse.Experts.Routing;

/// <summary>A prompt to train a router with.</summary>
/// <param name="Features">Its features.</param>
/// <param name="Expert">The expert whose prompt it is, by its place in the pack.</param>
/// <param name="Place">Where it stands, for messages: a file and a line.</param>
public sealed record RouterSample(ReadOnlyMemory<float> Features, int Expert, string Place);

/// <summary>How a router is trained.</summary>
public sealed record RouterTrainingOptions
{
    /// <summary>The share of each expert's prompts that is kept back, above 0 and below 1.</summary>
    public double HeldOut { get; init; } = 0.2;

    /// <summary>Decides which ones.</summary>
    public ulong Seed { get; init; }

    /// <summary>What the classifier's weights cost, above 0: half the sum of their squares, times this, beside a
    /// prompt's loss.</summary>
    public double Penalty { get; init; } = 0.1;

    /// <summary>The marks to go with the router. The high one is raised until 99 % of the prompts held out lie within
    /// it.</summary>
    public RouteMarks Marks { get; init; } = RouteMarks.Default;

    /// <summary>The most steps of the minimisation.</summary>
    public int MaxIterations { get; init; } = 2000;
}

/// <summary>What training made.</summary>
/// <param name="Router">The router.</param>
/// <param name="Confusion">Held-out prompts by their expert (row) and the likeliest one (column).</param>
/// <param name="Iterations">Steps of the minimisation.</param>
/// <param name="Converged">Whether it came to its end.</param>
public sealed record RouterTraining(
    PackRouter Router, IReadOnlyList<IReadOnlyList<int>> Confusion, int Iterations, bool Converged);
