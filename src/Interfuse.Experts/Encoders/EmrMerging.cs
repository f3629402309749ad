using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts.Schemes;
using Interfuse.Merging.Recipes;

namespace Interfuse.Experts.Encoders;

/// <summary>
/// The method <c>emr_merging</c> (Huang et al., NeurIPS 2024, arXiv 2405.17461): one unified task vector for all experts;
/// of each expert a bit per element, whether it is the expert's too, and one scale for the whole model.
/// </summary>
/// <remarks>
/// As the authors' code has it, every float tensor takes part, norms and embeddings included, unless <c>storage</c> says
/// otherwise of some. The models are read once; the scales follow from sums over all of them, and are written last. Task
/// vectors are to the base as it was given; stored is the base in the type of the pack.
/// </remarks>
internal sealed class EmrMerging : MatrixMethod
{
    private static readonly ParameterSpec Scale = new("scale", ParameterScope.Merge, 0, Kind: ParameterKind.Word)
    {
        Words = ["per_tensor_mean", "total"],
    };

    /// <inheritdoc/>
    public override MethodSignature Signature { get; } = new(
        "emr_merging",
        BaseModelUse.Required,
        MinModels: 1,
        ChannelPartition.MaxExperts,
        [Scale, Storage])
    {
        NamesModels = true,
    };

    /// <inheritdoc/>
    public override bool ByRows => true;

    /// <inheritdoc/>
    protected override TensorStorage AutoStorage => TensorStorage.Grouped;

    /// <inheritdoc/>
    public override object SettingsOf(Recipe recipe, string tensor, double position, int experts) =>
        DefinitionOf(recipe);

    /// <inheritdoc/>
    public override long RoomFor(PlannedMatrix matrix, int experts) => UnifiedRows.BytesFor(matrix, experts);

    /// <inheritdoc/>
    public override IReadOnlyList<PackLayerEntry>? Decide(
        PackPlan plan, long otherBytes, IReadOnlyList<object?> measures, Span<StoredTensor?> stored)
    {
        for (int tensor = 0; tensor < stored.Length; tensor++)
        {
            PlannedMatrix matrix = plan.Tensors[tensor];
            if (matrix.IsWhole)
            {
                stored[tensor] = new WholeMatrix(matrix, MaskedScheme.Name, Parts(matrix, plan.Experts.Count));
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public override double[] Encode(MatrixBench bench, WholeMatrix stored, MatrixOutput output)
    {
        PlannedMatrix matrix = stored.Matrix;
        var unified = new UnifiedRows(bench);
        var sums = new AgreementSums[bench.Experts];
        long words = MaskedBank.Words(matrix.Columns);
        bench.VisitRows((firstRow, rows, baseValues, experts) =>
        {
            unified.Elect(rows, baseValues, experts);
            unified.AddSums(rows, sums);
            output.Write(unified.Base(rows, baseValues), firstRow * matrix.Columns);
            output.WritePart(MaskedScheme.UnifiedPart, unified.Values(rows), firstRow * matrix.Columns);
            for (int expert = 0; expert < experts.Length; expert++)
            {
                output.WritePart(
                    MaskedScheme.MaskPart, unified.Mask(rows, expert), ((expert * matrix.Channels) + firstRow) * words);
            }
        });
        RefuseNonFinite(matrix, sums);
        return MemoryMarshal.Cast<AgreementSums, double>(sums).ToArray();
    }

    /// <inheritdoc/>
    public override int FigureCount(int experts) => experts * AgreementSums.Count;

    /// <inheritdoc/>
    /// <remarks>The scales follow from the sums over all matrices, and stand with each.</remarks>
    /// <exception cref="InterfuseException">A scale is beyond float32.</exception>
    public override DeltaEnergies?[] Finish(
        PackPlan plan, PackLayout layout, IReadOnlyList<IReadOnlyList<double>?> figures, PackWriters files)
    {
        AgreementSums[]?[] sums = [.. figures.Select(each =>
            each is null ? null : MemoryMarshal.Cast<double, AgreementSums>([.. each]).ToArray())];
        float[] scales = AgreementScales.Of(
            DefinitionOf(plan.Recipe),
            plan.Experts,
            Enumerable.Range(0, sums.Length).Where(tensor => sums[tensor] is not null)
                .Select(tensor => (plan.Tensors[tensor].Spec.ElementCount, sums[tensor]!)));
        var energies = new DeltaEnergies?[sums.Length];
        for (int tensor = 0; tensor < sums.Length; tensor++)
        {
            if (sums[tensor] is { } own)
            {
                files.Parts!.Write(
                    layout.PlaceOf(tensor, MaskedScheme.ScalesPart), 0, MemoryMarshal.AsBytes<float>(scales));
                energies[tensor] = Energies(scales, own);
            }
        }

        return energies;
    }

    private static DeltaEnergies Energies(float[] scales, AgreementSums[] sums)
    {
        var energies = new DeltaEnergies(scales.Length);
        for (int expert = 0; expert < scales.Length; expert++)
        {
            energies.Total[expert] = sums[expert].DeltaEnergy;
            energies.Lost[expert] = sums[expert].LostEnergy(scales[expert]);
        }

        return energies;
    }

    private static ScaleDefinition DefinitionOf(Recipe recipe)
    {
        if (!recipe.Parameters.TryGet(Scale.Name, out Parameter? scale))
        {
            return ScaleDefinition.PerTensorMean;
        }

        return scale.Setting is NumberSetting { Value: var word }
            ? (ScaleDefinition)word
            : throw new RecipeException(
                scale.Location, "'scale' is one definition for the whole pack, expected a word, `scale: total`");
    }

    private static StoredPart[] Parts(PlannedMatrix matrix, int experts) =>
    [
        new(MaskedScheme.UnifiedPart, matrix.Spec.DType, matrix.Spec.Shape),
        new(MaskedScheme.MaskPart, DType.UInt32, [experts, matrix.Channels, MaskedBank.Words(matrix.Columns)]),
        new(MaskedScheme.ScalesPart, DType.Float32, [experts]) { IsLast = true },
    ];

    // One such value would make an expert's scale no number, and with it the whole expert.
    private static void RefuseNonFinite(PlannedMatrix matrix, AgreementSums[] sums)
    {
        for (int expert = 0; expert < sums.Length; expert++)
        {
            if (!double.IsFinite(sums[expert].Delta))
            {
                bool isBase = Array.TrueForAll(sums, each => !double.IsFinite(each.Delta));
                throw Refusal(
                    matrix, isBase ? 0 : expert + 1,
                    "holds NaN or infinite values, or differs from the base by more than float32 holds, and an expert's "
                    + "scale is made of all its values; repair the model, or give this tensor `storage: kept`");
            }

            if (!double.IsFinite(sums[expert].Agreed))
            {
                throw Refusal(
                    matrix, expert + 1,
                    $"differs from the base by more than {matrix.Spec.DType.SafetensorsName()} holds; give the pack a wider "
                    + "type, `dtype: float32`, or this tensor `storage: kept`");
            }
        }
    }

    private static CheckpointFormatException Refusal(PlannedMatrix matrix, int input, string reason) => new(
        matrix.Inputs[input].Tensor.File.Path, reason, matrix.Inputs[input].Tensor.Info.Name);
}
