using Interfuse.Checkpoints;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Planning;

/// <summary>Finds the stored tensors behind an output tensor and checks that they fit together.</summary>
internal sealed class InputFinder
{
    private readonly MergeOptions _options;
    private readonly List<string> _warnings;
    private readonly PlanModel _tokenizerDonor;
    private readonly List<PlanModel> _merged;
    private readonly VocabularyAlignment? _alignment;
    private readonly bool _allHeadsTied;

    public InputFinder(
        OutputShape shape, Recipe recipe, MergeOptions options, PlanModel donor, PlanModel tokenizerDonor, List<string> warnings)
    {
        _options = options;
        _warnings = warnings;
        _tokenizerDonor = tokenizerDonor;
        _merged = [.. shape.Slots.SelectMany(slot => slot.Inputs).Select(input => input.Model).Distinct()];
        _allHeadsTied = _merged.TrueForAll(model => model.HasTiedHead);
        if (recipe.TokenizerSource is not null)
        {
            // The base fills in for tokens that a model lacks, also where the method itself makes no use of it.
            if (recipe.BaseModel is not null && !_merged.Contains(donor))
            {
                _merged.Add(donor);
            }

            _alignment = new VocabularyAlignment(tokenizerDonor, _merged, recipe.BaseModel is null ? -1 : _merged.IndexOf(donor));
        }
        else
        {
            WarnOfOtherVocabularies(donor);
        }
    }

    /// <summary>The inputs of an output tensor, or null where the output does without it.</summary>
    /// <exception cref="CheckpointFormatException">A model lacks the tensor, or has it in another shape.</exception>
    public IReadOnlyList<TensorSource>? Find(TensorSlot slot)
    {
        if (slot.Name == LayerNames.Head && _allHeadsTied)
        {
            return null;
        }

        List<CheckpointTensor> tensors = [];
        foreach (SlotInput input in slot.Inputs)
        {
            if (TensorOf(input.Model, input.Name) is { } tensor)
            {
                tensors.Add(tensor);
            }
            else if (LayerNames.IsComputedBuffer(slot.Name))
            {
                _warnings.Add($"'{slot.Name}' is left out: {input.Model.Name} doesn't have it (it is a buffer that models compute)");
                return null;
            }
            else
            {
                string? holder = slot.Inputs.FirstOrDefault(other => TensorOf(other.Model, other.Name) is not null)?.Model.Name;
                throw new CheckpointFormatException(
                    input.Model.Checkpoint.Path,
                    holder is null
                        ? "is missing"
                        : $"is missing, but {holder} has it; all models must have the same architecture and number of layers",
                    input.Name);
            }
        }

        if (_alignment is not null && LayerNames.IsEmbedding(slot.Name))
        {
            return Aligned(slot);
        }

        return Fit(slot, tensors);
    }

    /// <summary>A model's tensor of this name; for an output head that is tied to the embedding, the embedding.</summary>
    private static CheckpointTensor? TensorOf(PlanModel model, string name)
    {
        if (name == LayerNames.Head && model.HasTiedHead)
        {
            return model.Checkpoint.Tensors.FirstOrDefault(tensor => tensor.Info.Name.EndsWith("embed_tokens.weight", StringComparison.Ordinal));
        }

        return model.Checkpoint.TryGetTensor(name, out CheckpointTensor? found) ? found : null;
    }

    private List<TensorSource> Aligned(TensorSlot slot)
    {
        CheckpointTensor owner = TensorOf(_tokenizerDonor, slot.Name) ?? throw new CheckpointFormatException(
            _tokenizerDonor.Checkpoint.Path, "is missing, but the merged models have it and take their tokenizer from here", slot.Name);
        TensorSource?[] aligned = _alignment!.Align(owner, _merged.ConvertAll(model => TensorOf(model, slot.Name)));
        slot.Rows = owner.Info.Shape[0];
        return [.. slot.Inputs.Select(input => aligned[_merged.IndexOf(input.Model)]!)];
    }

    private List<TensorSource> Fit(TensorSlot slot, List<CheckpointTensor> tensors)
    {
        CheckpointTensor first = tensors[0];
        foreach (CheckpointTensor tensor in tensors)
        {
            if (tensor.Info.Shape.SequenceEqual(first.Info.Shape))
            {
                continue;
            }

            bool onlyRowsDiffer = LayerNames.IsEmbedding(slot.Name)
                && tensor.Info.Shape.Length == 2 && first.Info.Shape.Length == 2 && tensor.Info.Shape[1] == first.Info.Shape[1];
            if (!onlyRowsDiffer)
            {
                throw new CheckpointFormatException(
                    tensor.File.Path, $"has shape {Shape(tensor)}, but {first.File.Path} has {Shape(first)}", tensor.Info.Name);
            }

            if (!_options.TruncateEmbeddings)
            {
                throw new CheckpointFormatException(
                    tensor.File.Path,
                    $"has {tensor.Info.Shape[0]} rows, but {first.File.Path} has {first.Info.Shape[0]}: the vocabularies differ; set `tokenizer_source: base` in the recipe to line the tokens up, or use --truncate-embeddings to cut to the common rows",
                    tensor.Info.Name);
            }
        }

        slot.Rows = first.Info.Shape.Length > 0 ? tensors.Min(tensor => tensor.Info.Shape[0]) : null;
        if (tensors.Exists(tensor => slot.Rows is { } rows && tensor.Info.Shape[0] != rows))
        {
            _warnings.Add($"'{slot.Name}' is cut to the {slot.Rows} rows that all models have; tokens beyond are lost");
        }

        return tensors.ConvertAll<TensorSource>(tensor => new StoredSource(tensor));
    }

    private void WarnOfOtherVocabularies(PlanModel donor)
    {
        string donorFile = Path.Combine(donor.Checkpoint.Path, "tokenizer.json");
        if (!File.Exists(donorFile))
        {
            return;
        }

        byte[] donorBytes = File.ReadAllBytes(donorFile);
        Lazy<Vocabulary> donorVocabulary = new(() => Vocabulary.Read(donor.Checkpoint));
        foreach (PlanModel model in _merged)
        {
            string file = Path.Combine(model.Checkpoint.Path, "tokenizer.json");
            if (model != donor && File.Exists(file)
                && !donorBytes.AsSpan().SequenceEqual(File.ReadAllBytes(file))
                && !Vocabulary.Read(model.Checkpoint).SameAs(donorVocabulary.Value))
            {
                _warnings.Add(
                    $"{model.Name} gives token ids a different meaning than {donor.Name}; set `tokenizer_source: base` to line the embeddings up");
            }
        }
    }

    private static string Shape(CheckpointTensor tensor) => $"[{string.Join(", ", tensor.Info.Shape)}]";
}
