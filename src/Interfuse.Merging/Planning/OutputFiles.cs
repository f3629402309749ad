using System.Text.Json.Nodes;
using Interfuse.Checkpoints;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Planning;

/// <summary>What goes beside the weights: the configuration kept true to them, and the files carried over.</summary>
internal static class OutputFiles
{
    /// <summary>The donor's configuration with the dtype, layers, vocabulary and head that the output has.</summary>
    public static ModelConfig? Config(Recipe recipe, OutputShape shape, PlanModel donor, IReadOnlyList<PlannedTensor> tensors)
    {
        if (donor.Checkpoint.Config?.Clone() is not { } config)
        {
            return null;
        }

        if ((recipe.OutDType ?? recipe.DType) is { } dtype)
        {
            config.SetDType(dtype);
        }

        if (shape.SlicedLayerCount is { } layers)
        {
            RebuildLayerTypes(config, recipe, shape);
            config.SetLayerCount(layers);
        }

        TensorSpec? embedding = Find(tensors, "embed_tokens.weight");
        if (embedding is { Shape.Length: 2 } && embedding.Shape[0] != donor.Checkpoint.Config.VocabSize)
        {
            config.SetVocabSize(embedding.Shape[0]);
        }

        // Where the key is absent the architecture decides, and it decided on the donor's head.
        bool hasHead = Find(tensors, LayerNames.Head) is not null;
        bool saysNothing = config.TieWordEmbeddings is null && hasHead && !donor.HasTiedHead;
        if (embedding is not null && config.TieWordEmbeddings != !hasHead && !saysNothing)
        {
            config.SetTieWordEmbeddings(!hasHead);
        }

        return config;
    }

    /// <summary>The files to carry over, by full path and name: the tokenizer's from its donor, the rest from the base.</summary>
    public static IReadOnlyList<(string Path, string Name)> SideFiles(PlanModel donor, PlanModel tokenizerDonor)
    {
        IEnumerable<(string, string)> Of(PlanModel model, Func<string, bool> wanted) => model.Checkpoint.SideFiles
            .Where(wanted)
            .Select(name => (Path.Combine(model.Checkpoint.Path, name), name));

        return donor == tokenizerDonor
            ? [.. Of(donor, _ => true)]
            : [.. Of(donor, name => !Checkpoint.IsTokenizerFile(name)), .. Of(tokenizerDonor, Checkpoint.IsTokenizerFile)];
    }

    /// <summary>Newer models list each layer's kind of attention: the list has to follow the layers when slices move them.</summary>
    private static void RebuildLayerTypes(ModelConfig config, Recipe recipe, OutputShape shape)
    {
        if (config.Json["layer_types"] is not JsonArray)
        {
            return;
        }

        var types = new JsonArray();
        foreach (RecipeSlice slice in recipe.Slices)
        {
            SlotInput? first = shape.Slots.FirstOrDefault(slot => slot.Slice == slice)?.Inputs[0];
            for (int layer = first?.Source.Layers!.Value.Start ?? 0; layer < first?.Source.Layers!.Value.End; layer++)
            {
                if (first.Model.Checkpoint.Config?.Json["layer_types"] is not JsonArray list || layer >= list.Count)
                {
                    // Without the list, the model's code assumes its default.
                    config.Json.Remove("layer_types");
                    return;
                }

                types.Add(list[layer]?.DeepClone());
            }
        }

        config.Json["layer_types"] = types;
    }

    private static TensorSpec? Find(IReadOnlyList<PlannedTensor> tensors, string ending) =>
        tensors.FirstOrDefault(tensor => tensor.Output.Name.EndsWith(ending, StringComparison.Ordinal))?.Output;
}
