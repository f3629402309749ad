using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts.Factorization;
using Interfuse.Experts.Schemes;
using Interfuse.Merging.Recipes;

namespace Interfuse.Experts.Encoders;

/// <summary>
/// The method <c>twin_merging</c> (Lu et al., NeurIPS 2024, arXiv 2406.15479): the experts share a merged matrix, and each
/// has its own part, what it differs from that by, as a truncated singular value decomposition.
/// </summary>
/// <remarks>
/// Differences are taken of whole weights, not of adapters' factors. The default rank, a tenth of the shorter side, and the
/// shared expert, task arithmetic with lambda 0.3, are the paper's. Tensors that are no weight matrices inside layers are
/// never taken from the expert that happens to be right: they are one for all where the experts agree, and else part of what
/// is kept for every expert.
/// </remarks>
internal sealed class TwinMerging : MatrixMethod
{
    private const double DefaultShare = 0.1;
    private const double TaskArithmeticLambda = 0.3;

    private static readonly ParameterSpec Rank = Optional("rank", 1, int.MaxValue);
    private static readonly ParameterSpec RankShare = Optional("rank_share", 0, 1);
    private static readonly ParameterSpec Energy = Optional("energy", 0, 1);
    private static readonly ParameterSpec Budget = Optional("budget", 0, 1);
    private static readonly ParameterSpec Lambda =
        Optional("lambda", double.NegativeInfinity, double.PositiveInfinity);

    private static readonly ParameterSpec Density = new("density", ParameterScope.Merge, 0.2, 0, 1);

    private static readonly ParameterSpec Shared =
        new("shared", ParameterScope.Merge, 0, Kind: ParameterKind.Word) { Words = ["task_arithmetic", "linear", "ties"] };

    private static readonly ParameterSpec KeepCheaper =
        new("keep_cheaper", ParameterScope.Merge, 1, Kind: ParameterKind.Flag);

    private static readonly ParameterSpec[] Rules = [Rank, RankShare, Energy, Budget];

    /// <inheritdoc/>
    public override MethodSignature Signature { get; } = new(
        "twin_merging",
        BaseModelUse.Required,
        MinModels: 1,
        ChannelPartition.MaxExperts,
        [.. Rules, Shared, Lambda, Density, KeepCheaper, Storage, ShareWithin])
    {
        NamesModels = true,
    };

    /// <inheritdoc/>
    public override bool MeasuresMatrix(PlannedMatrix matrix) => LowRankSettings.Of(matrix).Measures;

    /// <inheritdoc/>
    public override object SettingsOf(Recipe recipe, string tensor, double position, int experts)
    {
        Parameter[] given = [.. Rules.Select(rule =>
            recipe.Parameters.TryGet(rule.Name, out Parameter? found) ? found : null).OfType<Parameter>()];
        if (given.Length > 1)
        {
            throw new RecipeException(
                given[1].Location,
                $"'{given[0].Name}' and '{given[1].Name}' exclude each other; give one of 'rank', 'rank_share', 'energy' and 'budget'");
        }

        double? Given(ParameterSpec spec) => RecipeParameters.ForMerge(recipe, null, spec, tensor, position);

        (RankRule rule, double value) = (RankRule.Share, DefaultShare);
        for (int i = 0; i < Rules.Length; i++)
        {
            if (Given(Rules[i]) is { } set)
            {
                (rule, value) = ((RankRule)i, set);
            }
        }

        if (rule == RankRule.Rank && value != Math.Floor(value))
        {
            throw new RecipeException(given[0].Location, $"'rank' is {value} for '{tensor}', expected a whole number");
        }

        if (rule == RankRule.Budget && given[0].Setting is not NumberSetting)
        {
            throw new RecipeException(
                given[0].Location, "'budget' is one share for the whole pack, expected a number, `budget: 0.4`");
        }

        var kind = (SharedKind)Value(recipe, Shared, tensor, position);
        float lambda = (float)(Given(Lambda) ?? (kind == SharedKind.TaskArithmetic ? TaskArithmeticLambda : 1));
        return new LowRankSettings(
            rule,
            value,
            Value(recipe, KeepCheaper, tensor, position) == 1,
            new SharedMerge(
                kind,
                float.IsFinite(lambda)
                    ? lambda
                    : throw new RecipeException(recipe.MethodLocation!, "'lambda' is too large for float32"),
                Value(recipe, Density, tensor, position)));
    }

    /// <inheritdoc/>
    public override long RoomFor(PlannedMatrix matrix, int experts)
    {
        LowRankSettings settings = LowRankSettings.Of(matrix);
        int most = settings.MaxRank(matrix, experts);
        int rank = Math.Max(settings.Measures ? most : Math.Min(most, settings.NamedRank(matrix)), 1);
        return (2 * matrix.Spec.ByteLength)
            + (matrix.Spec.ElementCount * sizeof(float))
            + TruncatedSvd.BytesFor(new TensorMatrix(matrix.Channels, matrix.Columns), rank)
            + (2 * LowRankSettings.BytesPerRank(matrix, 1) * rank)
            + KeptMatrix.BytesFor(matrix);
    }

    /// <inheritdoc/>
    public override object Measure(MatrixBench bench)
    {
        LowRankSettings settings = LowRankSettings.Of(bench.Matrix);
        int most = settings.MaxRank(bench.Matrix, bench.Experts);
        int limit = settings.Rule == RankRule.Budget
            ? LowRankBudget.LimitOf(bench.Plan, bench.Matrix, settings.Value)
            : Math.Min(LowRankSettings.FirstRank(bench.Matrix), most);
        DeviceSpan shared = bench.Take(bench.Matrix.Spec.DType, bench.Matrix.Spec.ElementCount);
        DeviceSpan difference = bench.Take(DType.Float32, bench.Matrix.Spec.ElementCount);
        settings.Shared.Make(bench, shared);
        while (true)
        {
            var spectra = new LowRankSpectra(limit, new double[bench.Experts][], new double[bench.Experts]);
            for (int expert = 0; expert < bench.Experts; expert++)
            {
                // One at least, for the energies.
                SingularParts parts = OwnPart.Decompose(bench, shared, expert, Math.Max(limit, 1), difference);
                spectra.Values[expert] = parts.Values[..limit];
                spectra.Energies[expert] = parts.Energy;
            }

            if (settings.Rule == RankRule.Budget || limit == most || spectra.RankFor(settings.Value) >= 0)
            {
                return spectra;
            }

            limit = (int)Math.Min(2L * limit, most);
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<PackLayerEntry>? Decide(
        PackPlan plan, long otherBytes, IReadOnlyList<object?> measures, Span<StoredTensor?> stored)
    {
        int experts = plan.Experts.Count;
        int[]? bought = plan.Recipe.Parameters.TryGet(Budget.Name, out Parameter? budget)
            ? LowRankBudget.Spend(
                plan, otherBytes, ((NumberSetting)budget.Setting).Value, [.. measures.Cast<LowRankSpectra?>()])
            : null;
        for (int tensor = 0; tensor < stored.Length; tensor++)
        {
            PlannedMatrix matrix = plan.Tensors[tensor];
            if (!matrix.IsWhole)
            {
                continue;
            }

            LowRankSettings settings = LowRankSettings.Of(matrix);
            var spectra = (LowRankSpectra?)measures[tensor];
            int most = settings.MaxRank(matrix, experts);
            int rank = bought is not null ? bought[tensor]
                : settings.Rule != RankRule.Energy ? settings.NamedRank(matrix)
                : spectra!.RankFor(settings.Value) is var found && found < 0 && !settings.KeepsCheaper ? most
                : found;
            stored[tensor] = rank < 0 || rank > most ? KeptMatrix.Of(matrix, experts)
                : rank == 0 ? new WholeMatrix(matrix, SharedScheme.Name, [])
                : LowRank(matrix, experts, new LowRankChoice(rank, spectra?.Limit ?? rank));
        }

        return null;
    }

    /// <inheritdoc/>
    public override double[] Encode(MatrixBench bench, WholeMatrix stored, MatrixOutput output)
    {
        PlannedMatrix matrix = bench.Matrix;
        DeviceSpan shared = bench.Take(matrix.Spec.DType, matrix.Spec.ElementCount);
        LowRankSettings.Of(matrix).Shared.Make(bench, shared);
        output.Write(shared);
        var energies = new DeltaEnergies(bench.Experts);
        LowRankWriter? writer = stored.Choice is LowRankChoice choice
            ? new LowRankWriter(bench, shared, choice, output)
            : null;
        for (int expert = 0; expert < bench.Experts; expert++)
        {
            energies.Total[expert] = bench.Energy(bench.Base, bench.Expert(expert), TopKThreshold.All);
            energies.Lost[expert] = bench.Energy(
                writer?.Write(expert) ?? shared, bench.Expert(expert), TopKThreshold.All);
        }

        return energies.ToFigures();
    }

    private static WholeMatrix LowRank(PlannedMatrix matrix, int experts, LowRankChoice choice) => new(
        matrix,
        LowRankScheme.Name,
        [
            new(LowRankScheme.LeftPart, matrix.Spec.DType, [experts, matrix.Channels, choice.Rank]),
            new(LowRankScheme.RightPart, matrix.Spec.DType, [experts, choice.Rank, matrix.Columns]),
        ],
        choice);

    private static ParameterSpec Optional(string name, double minimum, double maximum) =>
        new(name, ParameterScope.Merge, Default: null, minimum, maximum, AllowsNone: true);
}
