using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests.Parity;

/// <summary>
/// In 16 bits this engine is never further from the exact result than mergekit, which rounds after every step.
/// </summary>
[Parallelizable(ParallelScope.All)]
internal sealed class PrecisionTests
{
    [TestCase("linear_bf16")]
    [TestCase("linear_f16")]
    [TestCase("slerp_bf16")]
    [TestCase("ta_bf16")]
    [TestCase("ties_bf16_d50")]
    [TestCase("ties_rescale_f16")]
    [TestCase("dare_ties_bf16")]
    public void The_mean_error_of_every_tensor_is_at_most_mergekits(string name)
    {
        var golden = new GoldenCase(name);
        Dictionary<string, double[]> mergekit = golden.Expected();
        Dictionary<string, double[]> merged = golden.Merge(MergeSemantics.Mergekit);
        var exact = new ExactMerge(golden);

        (string Tensor, double Ours, double Theirs)[] worse =
        [
            .. mergekit.Select(tensor => (Name: tensor.Key, Theirs: tensor.Value, Exact: exact.Merge(tensor.Key)))
                .Select(tensor => (
                    tensor.Name,
                    Ours: MeanError(merged[tensor.Name], tensor.Exact),
                    Theirs: MeanError(tensor.Theirs, tensor.Exact)))
                .Where(tensor => tensor.Ours > tensor.Theirs),
        ];

        Assert.That(worse, Is.Empty);
    }

    private static double MeanError(double[] values, double[] exact) =>
        values.Zip(exact).Where(pair => !double.IsNaN(pair.Second)).Average(pair => Math.Abs(pair.First - pair.Second));

    /// <summary>A golden's merge in float64, with mergekit's semantics.</summary>
    private sealed class ExactMerge
    {
        private readonly Recipe _recipe;
        private readonly Dictionary<string, double[]>[] _models;
        private readonly Dictionary<string, double[]> _base;
        private readonly Dictionary<ulong, bool[]> _kept;

        public ExactMerge(GoldenCase golden)
        {
            _recipe = golden.Recipe;
            _base = _recipe.BaseModel is { } model ? ModelTensors.Read(_recipe.ResolvePath(model)) : [];
            _models = [.. _recipe.Models.Where(source => source.Model.Text != _recipe.BaseModel?.Text)
                .Select(source => ModelTensors.Read(_recipe.ResolvePath(source.Model)))];
            _kept = _recipe.MergeMethod == "dare_ties" ? TorchRandom.Kept(golden, 42) : [];
        }

        /// <summary>The tensor's exact values, NaN where the sign that is elected hangs on rounding.</summary>
        public double[] Merge(string tensor)
        {
            double[][] models = [.. _models.Select(model => model[tensor])];
            double[] weights = Values("weight");
            switch (_recipe.MergeMethod)
            {
                case "linear":
                    return Formulas.Linear(models, weights);
                case "slerp":
                    return Formulas.Slerp(_base[tensor], models[0], 0.5, mergekit: true);
            }

            double[] densities = Values("density");
            double[][] deltas = [.. models.Select(model => Formulas.Delta(model, _base[tensor]))];
            double[][] thinned = _recipe.MergeMethod switch
            {
                "ties" => [.. deltas.Zip(densities, Formulas.Trim)],
                "dare_ties" => [.. deltas.Select((delta, expert) => Drop(delta, tensor, expert))],
                _ => deltas,
            };
            bool rescale = _recipe.MergeMethod == "dare_ties" || _recipe.Parameters.TryGet("rescale", out _);
            if (rescale)
            {
                thinned = [.. thinned.Zip(deltas, Formulas.KeepNorm)];
            }

            if (_recipe.MergeMethod == "task_arithmetic")
            {
                return Formulas.Add(_base[tensor], thinned, weights, normalize: false, lambda: 1);
            }

            double[] merged = Formulas.Elect(
                _base[tensor], thinned, weights, normalize: _recipe.MergeMethod == "ties", lambda: 1, mergekit: true);
            return [.. merged.Select((value, i) => IsDecided(thinned, weights, i) ? value : double.NaN)];
        }

        /// <summary>
        /// Whether the elected sign is more than a rounding error: 0.4 * 3 - 0.3 * 4 is zero, but not in binary.
        /// </summary>
        private static bool IsDecided(double[][] thinned, double[] weights, int i)
        {
            double[] values = [.. thinned.Select((delta, expert) => weights[expert] * delta[i])];
            return Math.Abs(values.Sum()) >= 1e-6 * values.Sum(Math.Abs);
        }

        private double[] Drop(double[] delta, string tensor, int expert)
        {
            bool[] kept = _kept[DropStream.Of(tensor, expert)];
            return [.. delta.Select((value, i) => kept[i] ? value : 0)];
        }

        private double[] Values(string name) =>
            [.. _recipe.Models.Select(source => GoldenCase.Value(source, name))];
    }
}
