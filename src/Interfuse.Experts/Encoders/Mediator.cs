using Interfuse.Compute;
using Interfuse.Experts.Schemes;
using Interfuse.Merging.Recipes;

namespace Interfuse.Experts.Encoders;

/// <summary>
/// The method <c>mediator</c> (Lai et al., 2025, arXiv 2502.04411): layers in which the experts contradict each other keep
/// what each expert has most of its own, as the scheme <c>sparse</c>; the others are averaged.
/// </summary>
/// <remarks>
/// How the paper computes a layer's conflict, where it splits and how much an expert keeps could not be found; what is here
/// is our reading, see docs/mediator.md.
/// </remarks>
internal sealed class Mediator : MatrixMethod
{
    private static readonly ParameterSpec Conflict =
        new("conflict", ParameterScope.Merge, 0, Kind: ParameterKind.Word) { Words = ["pairwise", "any"] };

    private static readonly ParameterSpec Density = new("density", ParameterScope.Merge, 0.2, 0, 1);

    private static readonly ParameterSpec Beta = new("beta", ParameterScope.Merge, Default: null, AllowsNone: true);

    private static readonly ParameterSpec TopK =
        new("top_k", ParameterScope.Merge, Default: null, 0, int.MaxValue, AllowsNone: true);

    private static readonly ParameterSpec Budget =
        new("budget", ParameterScope.Merge, Default: null, 0, 1, AllowsNone: true);

    private static readonly ParameterSpec Rho = new("rho", ParameterScope.Merge, 0.1, 0, 1);

    private static readonly ParameterSpec Lambda = new("lambda", ParameterScope.Merge, 1);

    /// <inheritdoc/>
    public override MethodSignature Signature { get; } = new(
        "mediator",
        BaseModelUse.Required,
        MinModels: 1,
        ChannelPartition.MaxExperts,
        [Conflict, Density, Beta, TopK, Budget, Rho, Lambda, Storage, ShareWithin])
    {
        NamesModels = true,
    };

    /// <inheritdoc/>
    public override bool Measures => true;

    /// <inheritdoc/>
    protected override float AverageLambda(Recipe recipe, string tensor, double position) =>
        Factor(recipe, Lambda, tensor, position);

    /// <inheritdoc/>
    public override object SettingsOf(Recipe recipe, string tensor, double position, int experts)
    {
        _ = SplitOf(recipe);
        return new MediatorSettings(
            Value(recipe, Density, tensor, position),
            Value(recipe, Rho, tensor, position),
            Factor(recipe, Lambda, tensor, position));
    }

    /// <inheritdoc/>
    public override long RoomFor(PlannedMatrix matrix, int experts) =>
        SparseMatrix.RoomFor(matrix, ((MediatorSettings)matrix.Settings!).ValuesPerExpert(matrix));

    /// <inheritdoc/>
    public override object Measure(MatrixBench bench)
    {
        var settings = (MediatorSettings)bench.Matrix.Settings!;
        long keep = MediatorSettings.CountOf(settings.Density, bench.Matrix.Spec.ElementCount);
        var keeps = new TopKThreshold[bench.Experts];
        for (int expert = 0; expert < keeps.Length; expert++)
        {
            keeps[expert] = bench.Queue.FindThreshold(bench.Base, bench.Expert(expert), keep);
        }

        long[] counts = new long[DeviceQueue.ConflictCounts(bench.Experts)];
        bench.Visit((first, baseValues, experts) =>
            bench.Queue.CountConflicts(baseValues, experts, keeps, first, counts));
        return new LayerConflict(bench.Experts, counts);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<PackLayerEntry>? Decide(
        PackPlan plan, long otherBytes, IReadOnlyList<object?> measures, Span<StoredTensor?> stored)
    {
        int experts = plan.Experts.Count;
        MediatorLayer[] layers = MediatorLayer.Of(
            plan, [.. measures.Select(measure => (LayerConflict?)measure)], HowOf(plan.Recipe));
        SplitOf(plan.Recipe).Route(plan, layers, otherBytes);
        foreach (MediatorLayer layer in layers)
        {
            foreach (int tensor in layer.Tensors)
            {
                stored[tensor] = layer.IsRouted
                    ? SparseMatrix.Stored(plan, plan.Tensors[tensor], experts)
                    : new WholeMatrix(plan.Tensors[tensor], SharedScheme.Name, []);
            }
        }

        return [.. layers.Select(layer => new PackLayerEntry(layer.Name, layer.Conflict, layer.IsRouted))];
    }

    /// <inheritdoc/>
    public override double[] Encode(MatrixBench bench, WholeMatrix stored, MatrixOutput output)
    {
        var settings = (MediatorSettings)stored.Matrix.Settings!;
        DeviceSpan dense = bench.Take(stored.Matrix.Spec.DType, stored.Matrix.Spec.ElementCount);
        bench.Average(settings.Lambda, dense);
        output.Write(dense);
        if (stored.Scheme == SparseScheme.Name)
        {
            return new SparseMatrix(bench, output, dense, settings.ValuesPerExpert(stored.Matrix)).Write().ToFigures();
        }

        var energies = new DeltaEnergies(bench.Experts);
        for (int expert = 0; expert < bench.Experts; expert++)
        {
            DeviceSpan own = bench.Expert(expert);
            energies.Total[expert] = bench.Energy(bench.Base, own, TopKThreshold.All);
            energies.Lost[expert] = bench.Energy(dense, own, TopKThreshold.All);
        }

        return energies.ToFigures();
    }

    private static ConflictMeasure HowOf(Recipe recipe) => (ConflictMeasure)(Single(recipe, Conflict, "conflict: any") ?? 0);

    /// <summary>How the layers are split; refuses what makes no sense together.</summary>
    private static MediatorSplit SplitOf(Recipe recipe)
    {
        Parameter[] given = [.. new[] { Beta, TopK, Budget }
            .Select(spec => recipe.Parameters.TryGet(spec.Name, out Parameter? parameter) ? parameter : null)
            .OfType<Parameter>()];
        if (given.Length > 1)
        {
            throw new RecipeException(
                given[1].Location,
                $"'{given[0].Name}' and '{given[1].Name}' exclude each other: each alone says which layers keep experts apart");
        }

        double? count = Single(recipe, TopK, "top_k: 8");
        if (count is { } layers && layers != Math.Floor(layers))
        {
            throw new RecipeException(given[0].Location, $"'top_k' is {layers}, expected a whole number of layers");
        }

        _ = HowOf(recipe);
        return new MediatorSplit(
            Single(recipe, Beta, "beta: 0.5"), (int?)count, Single(recipe, Budget, "budget: 0.5"), given.FirstOrDefault()?.Location);
    }

    private static double? Single(Recipe recipe, ParameterSpec spec, string example) =>
        !recipe.Parameters.TryGet(spec.Name, out Parameter? parameter) ? null
        : parameter.Setting is NumberSetting { Value: var value } ? value
        : throw new RecipeException(
            parameter.Location, $"'{spec.Name}' is one for the whole pack, expected a single value, `{example}`");
}

/// <summary>What a recipe says of a matrix inside a layer.</summary>
/// <param name="Density">The share of each task vector whose signs count as conflicts or not.</param>
/// <param name="Rho">The share of each expert's elements that a routed matrix keeps.</param>
/// <param name="Lambda">Scales the mean task vector.</param>
internal sealed record MediatorSettings(double Density, double Rho, float Lambda)
{
    /// <summary>How many elements of each expert a routed matrix keeps.</summary>
    public long ValuesPerExpert(PlannedMatrix matrix) => CountOf(Rho, matrix.Spec.ElementCount);

    /// <summary>
    /// How many elements a share is: rounded down, at least one unless the share is 0. In decimal, so that 0.29 of 100 is
    /// 29.
    /// </summary>
    public static long CountOf(double share, long elements) =>
        share > 0 ? Math.Max((long)((decimal)share * elements), Math.Min(1, elements)) : 0;
}
