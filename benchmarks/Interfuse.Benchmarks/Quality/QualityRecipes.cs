namespace Interfuse.Benchmarks.Quality;

/// <summary>The recipes of the quality table.</summary>
internal static class QualityRecipes
{
    /// <summary>Recipes that make one model of the four experts, or of two.</summary>
    public static IEnumerable<(string Name, string Recipe)> Static(QualityBench bench)
    {
        yield return ("uniform soup", $"merge_method: linear\n{Models(bench)}parameters: {{ weight: 1 }}\n{DType}");
        yield return ("greedy soup", $"merge_method: greedy_soup\n{Models(bench)}{Evaluate(bench)}{DType}");
        foreach ((string first, string second) in Pairs())
        {
            yield return ($"slerp {first} + {second}", Slerp(first, second, bench));
        }

        yield return (
            "task arithmetic",
            Searched("task_arithmetic", "weight: 0.8", "weight: [0.6, 0.7, 0.8, 0.9, 1.0, 1.1]", bench));
        yield return (
            "TIES",
            Searched(
                "ties",
                "weight: 1, density: 0.5, normalize: false",
                "weight: [0.7, 0.9, 1.1, 1.3], density: [0.3, 0.5, 0.8]",
                bench));
        yield return (
            "DARE-TIES",
            Searched(
                "dare_ties",
                "weight: 1, density: 0.8, normalize: false",
                "weight: [0.7, 0.9, 1.1], density: [0.6, 0.8, 0.9]",
                bench));
    }

    /// <summary>The recipe of a pack of all four.</summary>
    public static string Pack(string method, string parameters, QualityBench bench) =>
        $"merge_method: {method}\n{Base(bench)}{Models(bench)}parameters: {{ {parameters} }}\n{DType}";

    private static string Base(QualityBench bench) => $"base_model: {bench.PathOf("base")}\n";

    private static string DType => "dtype: bfloat16\n";

    private static string Models(QualityBench bench) =>
        $"models:\n{string.Concat(QualityBench.Tasks.Select(name => $"  - model: {bench.PathOf(name)}\n"))}";

    private static string Evaluate(QualityBench bench) =>
        $"evaluate:\n  tasks: [{string.Join(", ", QualityBench.Tasks.Select(bench.ChoosingTask))}]\n  max_tokens: 12\n";

    private static string Searched(string method, string parameters, string searched, QualityBench bench) => $$"""
        merge_method: {{method}}
        {{Base(bench)}}{{Models(bench)}}parameters: { {{parameters}} }
        search:
          strategy: grid
          parameters: { {{searched}} }
        {{Evaluate(bench)}}{{DType}}
        """;

    private static string Slerp(string first, string second, QualityBench bench) => $$"""
        merge_method: slerp
        base_model: {{bench.PathOf(first)}}
        models:
          - model: {{bench.PathOf(first)}}
          - model: {{bench.PathOf(second)}}
        parameters: { t: 0.5 }
        {{DType}}
        """;

    private static IEnumerable<(string First, string Second)> Pairs() =>
        from first in QualityBench.Tasks
        from second in QualityBench.Tasks
        where string.CompareOrdinal(first, second) < 0
        select (first, second);
}
