using Interfuse.Checkpoints;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Planning;

/// <summary>A model of the recipe, opened: its headers are read and checked, its weights not.</summary>
internal sealed class PlanModel(string name, Checkpoint checkpoint)
{
    private readonly Lazy<Dictionary<string, int>> _layerCounts = new(() => CountLayers(checkpoint));

    private readonly Lazy<ILookup<(string Stack, int Layer), string>> _suffixes = new(() => ReadSuffixes(checkpoint));

    /// <summary>The model as the recipe writes it.</summary>
    public string Name => name;

    public Checkpoint Checkpoint => checkpoint;

    /// <summary>Whether the output head is the embedding: there is none, or the configuration says that it is not used.</summary>
    public bool HasTiedHead =>
        !checkpoint.TryGetTensor(LayerNames.Head, out _) || checkpoint.Config?.TieWordEmbeddings == true;

    /// <summary>The number of layers of a stack.</summary>
    public int LayerCount(string stack) => _layerCounts.Value.GetValueOrDefault(stack);

    /// <summary>What follows the layer number in the names of one layer's tensors, in file order.</summary>
    public IEnumerable<string> LayerSuffixes(string stack, int layer) => _suffixes.Value[(stack, layer)];

    /// <summary>The stack that slices cut: the only one, or else the one as deep as config.json says.</summary>
    /// <exception cref="CheckpointFormatException">There is none, or more than one could be meant.</exception>
    public string DecoderStack()
    {
        string[] stacks = [.. _layerCounts.Value.Keys];
        if (stacks.Length > 1)
        {
            stacks = [.. stacks.Where(stack => _layerCounts.Value[stack] == checkpoint.Config?.LayerCount)];
        }

        return stacks.Length == 1
            ? stacks[0]
            : throw new CheckpointFormatException(
                checkpoint.Path,
                stacks.Length == 0
                    ? "no tensor name has a layer number (as in model.layers.0.), so `slices` can't be cut from this model; use `models`"
                    : $"the layer stacks {string.Join(", ", stacks)} are equally deep, so it is unclear which one `slices` means; use `models`");
    }

    /// <summary>Opens a model, or gives the one that is open already: two spellings of one path are one model.</summary>
    public static PlanModel Open(Recipe recipe, ModelReference reference, List<PlanModel> opened)
    {
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(recipe.ResolvePath(reference)));
        PlanModel? model = opened.Find(other => other.Checkpoint.Path == path);
        if (model is null)
        {
            model = new PlanModel(reference.Text, Checkpoint.Open(path));
            opened.Add(model);
        }

        return model;
    }

    private static ILookup<(string Stack, int Layer), string> ReadSuffixes(Checkpoint checkpoint) => checkpoint.Tensors
        .Select(tensor => (InLayer: LayerNames.TrySplit(tensor.Info.Name, out string stack, out int layer, out string suffix), stack, layer, suffix))
        .Where(name => name.InLayer)
        .ToLookup(name => (name.stack, name.layer), name => name.suffix);

    private static Dictionary<string, int> CountLayers(Checkpoint checkpoint)
    {
        var counts = new Dictionary<string, int>();
        foreach (CheckpointTensor tensor in checkpoint.Tensors)
        {
            if (LayerNames.TrySplit(tensor.Info.Name, out string stack, out int layer, out _))
            {
                counts[stack] = Math.Max(counts.GetValueOrDefault(stack), layer + 1);
            }
        }

        return counts;
    }
}
