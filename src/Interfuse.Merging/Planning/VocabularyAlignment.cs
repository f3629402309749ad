using Interfuse.Checkpoints;

namespace Interfuse.Merging.Planning;

/// <summary>Brings the embeddings of models with different vocabularies into the row order of one of them (<c>tokenizer_source</c>).</summary>
/// <remarks>
/// For each output token a model gives its own row. A model that lacks the token gives the row of the base model, or, where the
/// base lacks it too, of the one model that has it or the mean of those that do. Rows beyond the last token (padding, which many
/// models have) are the row of the tokenizer's own model, so that its padding survives.
/// </remarks>
internal sealed class VocabularyAlignment
{
    private readonly PlanModel _owner;
    private readonly Vocabulary _output;
    private readonly IReadOnlyList<PlanModel> _models;
    private readonly IReadOnlyList<Vocabulary> _vocabularies;
    private readonly int _base;

    /// <param name="owner">The model whose tokenizer the output gets.</param>
    /// <param name="models">Every model that is merged.</param>
    /// <param name="baseModel">The index of the base among them, or -1.</param>
    public VocabularyAlignment(PlanModel owner, IReadOnlyList<PlanModel> models, int baseModel)
    {
        _owner = owner;
        _output = Vocabulary.Read(owner.Checkpoint);
        _models = models;
        _vocabularies = [.. models.Select(model => model == owner ? _output : Vocabulary.Read(model.Checkpoint))];
        _base = baseModel;
    }

    /// <summary>Puts the rows of every model's embedding in the order of the output vocabulary.</summary>
    /// <param name="ownerTensor">The embedding of the tokenizer's own model: its number of rows is the output's.</param>
    /// <param name="tensors">The embedding of each model in the order of the constructor's; null where the model is not part of this tensor.</param>
    /// <returns>A source for each of <paramref name="tensors"/> that isn't null, with the output's number of rows.</returns>
    public TensorSource?[] Align(CheckpointTensor ownerTensor, IReadOnlyList<CheckpointTensor?> tensors)
    {
        CheckMatrix(ownerTensor);
        int rows = (int)ownerTensor.Info.Shape[0];
        int owner = IndexOf(_owner);
        var sources = new TensorSource?[tensors.Count];
        for (int model = 0; model < tensors.Count; model++)
        {
            if (tensors[model] is { } own)
            {
                CheckShape(own, ownerTensor);
                RowOrigin[] origins = [.. Enumerable.Range(0, rows).Select(row => Origin(model, row, owner, tensors))];
                bool inPlace = own.Info.Shape[0] == rows && origins.Index().All(origin => origin.Item == new RowOrigin(model, origin.Index));
                sources[model] = inPlace ? new StoredSource(own) : Gather(own, origins, tensors, ownerTensor);
            }
        }

        return sources;
    }

    private RowOrigin Origin(int model, int row, int owner, IReadOnlyList<CheckpointTensor?> tensors)
    {
        if (!_output.TokensById.TryGetValue(row, out string? token))
        {
            return new RowOrigin(owner, row);
        }

        int Row(int candidate)
        {
            int id = _vocabularies[candidate].IdOf(token);
            return tensors[candidate] is { } tensor && id < tensor.Info.Shape[0] ? id : -1;
        }

        if (Row(model) is >= 0 and int own)
        {
            return new RowOrigin(model, own);
        }

        if (_base >= 0 && Row(_base) is >= 0 and int fromBase)
        {
            return new RowOrigin(_base, fromBase);
        }

        RowOrigin[] others = [.. Enumerable.Range(0, _models.Count).Select(other => new RowOrigin(other, Row(other))).Where(origin => origin.Row >= 0)];
        return others switch
        {
            [] => new RowOrigin(RowOrigin.OwnerTensor, row),
            [RowOrigin only] => only,
            _ => new RowOrigin(RowOrigin.MeanOfAll, row) { Parts = others },
        };
    }

    private int IndexOf(PlanModel model)
    {
        int index = _models.Index().Where(entry => entry.Item == model).Select(entry => entry.Index).DefaultIfEmpty(-1).First();
        return index >= 0 ? index : RowOrigin.OwnerTensor;
    }

    private static GatheredSource Gather(
        CheckpointTensor own, RowOrigin[] origins, IReadOnlyList<CheckpointTensor?> tensors, CheckpointTensor owner)
    {
        // A row may come from any of them, and then has to become of this tensor's type.
        foreach (CheckpointTensor tensor in tensors.OfType<CheckpointTensor>().Append(owner))
        {
            if (!tensor.Info.DType.IsArithmetic())
            {
                throw new CheckpointFormatException(
                    tensor.File.Path,
                    $"is {tensor.Info.DType.SafetensorsName()}, and tokenizer_source has to compute with it; "
                    + "convert the model to bfloat16 first",
                    tensor.Info.Name);
            }
        }

        return new GatheredSource(own, origins, tensors, owner);
    }

    // Rows are listed one by one, so their number must be one that the file's size backs: no rows without columns.
    private static void CheckMatrix(CheckpointTensor tensor)
    {
        if (tensor.Info.Shape.Length != 2 || tensor.Info.Shape[1] == 0 || tensor.Info.Shape[0] > int.MaxValue)
        {
            throw new CheckpointFormatException(
                tensor.File.Path,
                $"has shape [{string.Join(", ", tensor.Info.Shape)}], but tokenizer_source needs a matrix with a row "
                + "per token",
                tensor.Info.Name);
        }
    }

    private static void CheckShape(CheckpointTensor tensor, CheckpointTensor owner)
    {
        if (tensor.Info.Shape.Length != 2 || tensor.Info.Shape[1] != owner.Info.Shape[1])
        {
            throw new CheckpointFormatException(
                tensor.File.Path,
                $"has shape [{string.Join(", ", tensor.Info.Shape)}], but {owner.File.Path} has [{string.Join(", ", owner.Info.Shape)}]; only the number of rows (tokens) may differ",
                tensor.Info.Name);
        }
    }
}
