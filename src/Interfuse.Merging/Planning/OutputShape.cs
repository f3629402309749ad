using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Planning;

/// <summary>One model's part in an output tensor.</summary>
/// <param name="Model">The model.</param>
/// <param name="Source">The recipe's entry for it.</param>
/// <param name="Name">The tensor's name in that model; its layer number differs from the output's where slices shift layers.</param>
internal sealed record SlotInput(PlanModel Model, RecipeSource Source, string Name);

/// <summary>An output tensor to be: its name, who takes part, and where in the gradient of its slice it stands.</summary>
internal sealed record TensorSlot(
    string Name, RecipeSlice? Slice, IReadOnlyList<SlotInput> Inputs, double Position)
{
    /// <summary>The number of rows of the output where it isn't the first input's.</summary>
    public long? Rows { get; set; }
}

/// <summary>Which tensors the output has, from <c>models</c> or assembled from <c>slices</c>.</summary>
internal sealed class OutputShape
{
    private OutputShape(IReadOnlyList<TensorSlot> slots, int? layerCount)
    {
        Slots = slots;
        SlicedLayerCount = layerCount;
    }

    /// <summary>The output tensors, in the order they are read and written.</summary>
    public IReadOnlyList<TensorSlot> Slots { get; }

    /// <summary>The number of layers put together by slices; null where whole models are merged.</summary>
    public int? SlicedLayerCount { get; }

    /// <summary>Lists the output tensors.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="open">Opens a model, or gives it where it is open.</param>
    /// <param name="baseFirst">Whether the method requires the base model, as its first input.</param>
    public static OutputShape Of(Recipe recipe, Func<ModelReference, PlanModel> open, bool baseFirst) =>
        recipe.Slices.Count == 0 ? OfModels(recipe, open, baseFirst) : OfSlices(recipe, open, baseFirst);

    private static OutputShape OfModels(Recipe recipe, Func<ModelReference, PlanModel> open, bool baseFirst)
    {
        List<(PlanModel Model, RecipeSource Source)> sources = [.. recipe.Models.Select(source => (open(source.Model), source))];
        if (baseFirst)
        {
            PutBaseFirst(sources, open(recipe.BaseModel!), new RecipeSource(
                recipe.BaseModel!, Layers: null, ParameterSet.Empty, recipe.BaseModel!.Location));
        }

        PlanModel leader = sources[0].Model;
        List<TensorSlot> slots = [];
        foreach (string name in AllNames(leader, sources.Select(source => source.Model)))
        {
            double position = LayerNames.TrySplit(name, out string stack, out int layer, out _)
                ? Position(layer, leader.LayerCount(stack))
                : 0;
            slots.Add(new TensorSlot(name, null, [.. sources.Select(source => new SlotInput(source.Model, source.Source, name))], position));
        }

        return new OutputShape(slots, null);
    }

    private static OutputShape OfSlices(Recipe recipe, Func<ModelReference, PlanModel> open, bool baseFirst)
    {
        List<TensorSlot> before = [];
        List<TensorSlot> layers = [];
        List<TensorSlot> after = [];
        int outputLayer = 0;
        string? outputStack = null;
        for (int index = 0; index < recipe.Slices.Count; index++)
        {
            RecipeSlice slice = recipe.Slices[index];
            List<(PlanModel Model, RecipeSource Source)> sources = [.. slice.Sources.Select(source => (open(source.Model), source))];
            if (baseFirst)
            {
                PutBaseFirst(sources, open(recipe.BaseModel!), null);
            }

            PlanModel leader = sources[0].Model;
            string stack = leader.DecoderStack();
            outputStack ??= stack;
            foreach ((PlanModel model, RecipeSource source) in sources)
            {
                CheckRange(model, source, stack);
            }

            if (index == 0)
            {
                before.AddRange(OutsideLayers(sources, slice, stack, LayerNames.IsBeforeLayers));
            }

            int count = sources[0].Source.Layers!.Value.End - sources[0].Source.Layers!.Value.Start;
            for (int layer = 0; layer < count; layer++, outputLayer++)
            {
                layers.AddRange(LayerSlots(sources, slice, stack, outputStack, layer, count, outputLayer));
            }

            if (index == recipe.Slices.Count - 1)
            {
                after.AddRange(OutsideLayers(sources, slice, stack, name => !LayerNames.IsBeforeLayers(name)));
                if (!after.Exists(slot => slot.Name == LayerNames.Head)
                    && before.Concat(layers).SelectMany(slot => slot.Inputs).Any(input => !input.Model.HasTiedHead))
                {
                    // The last layers' head is their embedding, which is not the one the output begins with.
                    after.Add(Slot(LayerNames.Head, sources, slice));
                }
            }
        }

        return new OutputShape([.. before, .. layers, .. after], outputLayer);
    }

    private static IEnumerable<TensorSlot> OutsideLayers(
        List<(PlanModel Model, RecipeSource Source)> sources, RecipeSlice slice, string stack, Func<string, bool> wanted) =>
        from name in AllNames(sources[0].Model, sources.Select(source => source.Model))
        where !IsInStack(name, stack) && wanted(name)
        select Slot(name, sources, slice);

    private static TensorSlot Slot(
        string name, List<(PlanModel Model, RecipeSource Source)> sources, RecipeSlice slice) =>
        new(name, slice, [.. sources.Select(source => new SlotInput(source.Model, source.Source, name))], 0);

    private static IEnumerable<TensorSlot> LayerSlots(
        List<(PlanModel Model, RecipeSource Source)> sources, RecipeSlice slice, string stack, string outputStack,
        int layer, int count, int outputLayer)
    {
        // The layer's tensors by what follows the number; a model that lacks one of another's is found out by name later.
        var suffixes = new List<string>();
        foreach ((PlanModel model, RecipeSource source) in sources)
        {
            suffixes.AddRange(model.LayerSuffixes(stack, source.Layers!.Value.Start + layer).Except(suffixes));
        }

        return suffixes.Select(suffix => new TensorSlot(
            $"{outputStack}{outputLayer}{suffix}",
            slice,
            [.. sources.Select(source => new SlotInput(source.Model, source.Source, $"{stack}{source.Source.Layers!.Value.Start + layer}{suffix}"))],
            Position(layer, count)));
    }

    /// <summary>Where a layer stands in its slice, from 0 to 1; a single layer stands at the end, as in mergekit.</summary>
    private static double Position(int layer, int count) => count == 1 ? 1 : (double)layer / (count - 1);

    private static bool IsInStack(string name, string stack) =>
        LayerNames.TrySplit(name, out string itsStack, out _, out _) && itsStack == stack;

    /// <summary>The names of all models' tensors: the leader's in file order, then what only others have.</summary>
    private static IEnumerable<string> AllNames(PlanModel leader, IEnumerable<PlanModel> models) =>
        models.Prepend(leader).SelectMany(model => model.Checkpoint.Tensors).Select(tensor => tensor.Info.Name).Distinct();

    private static void PutBaseFirst(
        List<(PlanModel Model, RecipeSource Source)> sources, PlanModel baseModel, RecipeSource? unlisted)
    {
        int index = sources.FindIndex(source => source.Model == baseModel);
        if (index < 0 && unlisted is null)
        {
            SourceLocation location = sources[0].Source.Location;
            throw new RecipeException(
                location,
                $"this slice has no layers of the base model '{baseModel.Name}', which the method needs; add it to the slice's sources with the layer_range to compare with");
        }

        (PlanModel, RecipeSource) first = index < 0 ? (baseModel, unlisted!) : sources[index];
        if (index >= 0)
        {
            sources.RemoveAt(index);
        }

        sources.Insert(0, first);
    }

    private static void CheckRange(PlanModel model, RecipeSource source, string stack)
    {
        int layers = model.LayerCount(stack);
        if (source.Layers!.Value.End > layers)
        {
            throw new RecipeException(
                source.Location,
                $"layer_range [{source.Layers.Value.Start}, {source.Layers.Value.End}] reaches past the last layer of '{model.Name}', which has {layers} layers (0 to {layers - 1}); the end may be at most {layers}");
        }
    }
}
