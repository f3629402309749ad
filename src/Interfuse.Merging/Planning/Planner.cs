using Interfuse.Checkpoints;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Planning;

/// <summary>Turns a recipe into a plan: opens the models, lists the output tensors, finds the inputs of each and checks that they fit.</summary>
internal sealed class Planner
{
    private readonly Recipe _recipe;
    private readonly MergeOptions _options;
    private readonly MergeMethod _method;
    private readonly List<PlanModel> _models = [];
    private readonly List<string> _warnings;

    public Planner(Recipe recipe, MergeOptions options)
    {
        _recipe = recipe;
        _options = options;
        _method = MergeMethods.Of(recipe);
        _warnings = [.. recipe.Warnings];
    }

    public MergePlan Plan()
    {
        try
        {
            OutputShape shape = OutputShape.Of(_recipe, OpenModels(), _method.Signature.Base == BaseModelUse.Required);
            PlanModel donor = _recipe.BaseModel is { } reference ? Model(reference) : _models[0];
            PlanModel tokenizerDonor = _recipe.TokenizerSource is { Text: not "base" } source ? Model(source) : donor;
            InputFinder inputs = new(shape, _recipe, _options, donor, tokenizerDonor, _warnings);

            List<PlannedTensor> tensors = [];
            foreach (TensorSlot slot in shape.Slots)
            {
                if (inputs.Find(slot) is { } found)
                {
                    tensors.Add(PlanTensor(slot, found));
                }
            }

            if (tensors.Count == 0)
            {
                throw new CheckpointFormatException(
                    _models[0].Checkpoint.Path, "holds no tensors to merge; give a model that has weights");
            }

            UnusedFilters.Report(_recipe, shape, _warnings);
            return new MergePlan(
                _recipe,
                _options,
                _models,
                tensors,
                OutputFiles.Config(_recipe, shape, donor, tensors),
                OutputFiles.SideFiles(donor, tokenizerDonor),
                _warnings);
        }
        catch
        {
            _models.ForEach(model => model.Checkpoint.Dispose());
            throw;
        }
    }

    private Func<ModelReference, PlanModel> OpenModels()
    {
        // In the order of the file, so that whatever falls back to "the first model" means the same on every run.
        foreach (RecipeSource source in _recipe.Models.Concat(_recipe.Slices.SelectMany(slice => slice.Sources)))
        {
            Model(source.Model);
        }

        return Model;
    }

    private PlanModel Model(ModelReference reference) => PlanModel.Open(_recipe, reference, _models);

    private PlannedTensor PlanTensor(TensorSlot slot, IReadOnlyList<TensorSource> inputs)
    {
        CheckpointTensor first = inputs[0].Tensor;
        DType dtype = _recipe.OutDType ?? _recipe.DType ?? inputs[0].DType;
        long[] shape = [.. first.Info.Shape];
        if (slot.Rows is { } rows)
        {
            shape[0] = rows;
        }

        if (inputs.All(input => !input.DType.IsArithmetic() && !input.DType.IsFloat8()))
        {
            // Integers and booleans (position ids, masks) are not weights: the first model's are carried over.
            RefuseQuantised(slot);
            return new PlannedTensor(new TensorSpec(slot.Name, inputs[0].DType, [.. shape]), [inputs[0]], null);
        }

        var output = new TensorSpec(slot.Name, dtype, [.. shape]);
        TensorSettings settings = Settings(slot, output.ElementCount);
        int? copy = _method.Bind(settings).CopyOf;
        if (copy is { } only && (inputs[only].DType == dtype || inputs[only].DType.IsFloat8() && _recipe.OutDType is null && _recipe.DType is null))
        {
            return new PlannedTensor(output with { DType = inputs[only].DType }, [inputs[only]], null);
        }

        foreach (TensorSource input in inputs)
        {
            CheckArithmetic(input);
        }

        return new PlannedTensor(output, inputs, settings);
    }

    /// <summary>In a quantised model the integers are the weights, and one model's would silently stand for all.</summary>
    private static void RefuseQuantised(TensorSlot slot)
    {
        if (slot.Inputs.Count > 1
            && slot.Inputs.FirstOrDefault(input => input.Model.Checkpoint.Config?.Json.ContainsKey("quantization_config") == true) is { } quantised)
        {
            throw new CheckpointFormatException(
                quantised.Model.Checkpoint.Path,
                "is quantised (config.json has quantization_config), and packed integers can't be merged; convert the model to bfloat16 first",
                quantised.Name);
        }
    }

    private void CheckArithmetic(TensorSource input)
    {
        if (!input.DType.IsArithmetic())
        {
            throw new CheckpointFormatException(
                input.Tensor.File.Path,
                input.DType.IsFloat8()
                    ? $"is {input.DType.SafetensorsName()}, and {_recipe.MergeMethod} has to compute with it; convert the model to bfloat16 first (8-bit floats can only be copied)"
                    : $"is {input.DType.SafetensorsName()}, but another model has floating-point weights under this name; the models are not the same architecture",
                input.Tensor.Info.Name);
        }
    }

    private TensorSettings Settings(TensorSlot slot, long elements)
    {
        return new TensorSettings(
            spec => RecipeParameters.ForMerge(_recipe, slot.Slice, spec, slot.Name, slot.Position),
            (spec, input) => RecipeParameters.ForModel(
                _recipe, slot.Slice, slot.Inputs[input].Source, spec, slot.Inputs[input].Name, slot.Position))
        {
            Name = slot.Name,
            ElementCount = elements,
            Inputs = [.. slot.Inputs.Select(input => input.Source.Model.Text)],
            HasBase = _method.Signature.Base == BaseModelUse.Required,
            Semantics = _options.Semantics,
            Seed = _options.Seed,
            ScratchBytes = _options.MaxMemory / 4 / (_options.Threads + 1),
        };
    }
}
