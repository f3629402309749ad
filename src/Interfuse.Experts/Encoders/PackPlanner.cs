using System.Text.Json.Nodes;
using Interfuse.Checkpoints;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;

namespace Interfuse.Experts.Encoders;

/// <summary>Turns a recipe into the plan of a pack: opens the models, lists the tensors and checks that they fit.</summary>
internal sealed class PackPlanner(Recipe recipe, MergeOptions options)
{
    private readonly PackMethod _method = PackMethods.Of(recipe);

    private static readonly string[] HeadProjections = [".q_proj.weight", ".k_proj.weight", ".v_proj.weight"];

    private readonly List<PlanModel> _models = [];
    private readonly List<string> _warnings = [.. recipe.Warnings];

    public PackPlan Plan()
    {
        if (recipe.Slices.Count > 0)
        {
            throw new RecipeException(
                recipe.Slices[0].Location, $"{recipe.MergeMethod} keeps whole models apart, so 'slices' mean nothing to it; use 'models'");
        }

        try
        {
            OutputShape shape = OutputShape.Of(recipe, Open, baseFirst: true);
            PlanModel donor = Open(recipe.BaseModel!);
            PlanModel tokenizerDonor = recipe.TokenizerSource is { Text: not "base" } source ? Open(source) : donor;
            InputFinder inputs = new(shape, recipe, options, donor, tokenizerDonor, _warnings);
            RecipeSource[] experts = [.. recipe.Models.Where(model => Open(model.Model) != donor)];
            string[] names = [.. experts.Select(NameOf)];
            RefuseRepeated(names, experts);

            // By name, so that the order in the recipe changes nothing: sums and ties depend on the order of experts.
            int[] order = [.. Enumerable.Range(0, names.Length).OrderBy(expert => names[expert], StringComparer.Ordinal)];
            names = [.. order.Select(expert => names[expert])];
            List<PlannedMatrix> tensors = [];
            foreach (TensorSlot slot in shape.Slots)
            {
                if (inputs.Find(slot) is { } found)
                {
                    tensors.Add(PlanTensor(
                        slot, [found[0], .. order.Select(expert => found[expert + 1])], experts.Length, donor));
                }
            }

            if (tensors.Count == 0)
            {
                throw new CheckpointFormatException(
                    donor.Checkpoint.Path, "holds no tensors to pack; give a model that has weights");
            }

            PlannedTensor[] written = [.. tensors.Select(tensor => new PlannedTensor(tensor.Spec, tensor.Inputs, null))];
            return new PackPlan(
                recipe,
                _method,
                options,
                _models,
                names,
                tensors,
                OutputFiles.Config(recipe, shape, donor, written),
                OutputFiles.SideFiles(donor, tokenizerDonor),
                _warnings);
        }
        catch
        {
            _models.ForEach(model => model.Checkpoint.Dispose());
            throw;
        }
    }

    private PlanModel Open(ModelReference reference) => PlanModel.Open(recipe, reference, _models);

    private static string NameOf(RecipeSource source) =>
        source.Name ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(source.Model.Text));

    private static void RefuseRepeated(string[] names, RecipeSource[] experts)
    {
        for (int expert = 0; expert < names.Length; expert++)
        {
            if (names[expert] is "" or "." or "..")
            {
                throw new RecipeException(
                    experts[expert].Location,
                    $"'{experts[expert].Model.Text}' says nothing to call the expert by; give it a name, `name: code`");
            }

            if (Array.IndexOf(names, names[expert]) < expert)
            {
                throw new RecipeException(
                    experts[expert].Location,
                    $"two experts are called '{names[expert]}'; tell them apart by `name:` beside 'model'");
            }
        }
    }

    private PlannedMatrix PlanTensor(
        TensorSlot slot, IReadOnlyList<TensorSource> inputs, int experts, PlanModel donor)
    {
        long[] shape = [.. inputs[0].Tensor.Info.Shape];
        if (slot.Rows is { } rows)
        {
            shape[0] = rows;
        }

        if (inputs.All(input => !input.DType.IsArithmetic() && !input.DType.IsFloat8()))
        {
            // Integers and booleans (position ids, masks) are not weights: the base's are carried over.
            RefuseQuantised(slot);
            return new PlannedMatrix(new TensorSpec(slot.Name, inputs[0].DType, [.. shape]), [inputs[0]], null, 1);
        }

        foreach (TensorSource input in inputs)
        {
            if (!input.DType.IsArithmetic())
            {
                throw new CheckpointFormatException(
                    input.Tensor.File.Path,
                    $"is {input.DType.SafetensorsName()}, which can't be compared with the other models'; convert the model to bfloat16 first",
                    input.Tensor.Info.Name);
            }
        }

        DType dtype = recipe.OutDType ?? recipe.DType ?? inputs[1].DType;
        TensorGrouping grouping = _method.GroupingOf(recipe, slot.Name, slot.Position, experts);
        var matrix = new PlannedMatrix(
            new TensorSpec(slot.Name, dtype, [.. shape]), inputs, grouping,
            grouping.ByHead ? HeadRows(slot.Name, shape, donor) : 1);
        return _method is MatrixMethod whole && PackDecision.IsGrouped(matrix)
            ? matrix with { Settings = whole.SettingsOf(recipe, slot.Name, slot.Position, experts) }
            : matrix;
    }

    private static void RefuseQuantised(TensorSlot slot)
    {
        if (slot.Inputs.FirstOrDefault(
            input => input.Model.Checkpoint.Config?.Json.ContainsKey("quantization_config") == true) is { } quantised)
        {
            throw new CheckpointFormatException(
                quantised.Model.Checkpoint.Path,
                "is quantised (config.json has quantization_config), and packed integers can't be grouped; convert the model to bfloat16 first",
                quantised.Name);
        }
    }

    private static int HeadRows(string name, long[] shape, PlanModel donor)
    {
        if (shape.Length < 2 || !Array.Exists(HeadProjections, ending => name.EndsWith(ending, StringComparison.Ordinal)))
        {
            return 1;
        }

        long rows = HeadSize(donor.Checkpoint.Config?.Json) ?? throw new CheckpointFormatException(
            donor.Checkpoint.Path,
            "has no config.json that says how many attention heads there are, which `granularity: head` needs; use `granularity: channel`");
        return rows > 0 && shape[0] % rows == 0
            ? (int)rows
            : throw new CheckpointFormatException(
                donor.Checkpoint.Path, $"has {shape[0]} rows, which are no whole heads of {rows}; use `granularity: channel`", name);
    }

    private static long? HeadSize(JsonObject? config)
    {
        static long? Integer(JsonNode? node) =>
            node is JsonValue value && value.TryGetValue(out long number) && number is > 0 and <= int.MaxValue ? number : null;

        return Integer(config?["head_dim"])
            ?? (Integer(config?["hidden_size"]) is { } hidden && Integer(config?["num_attention_heads"]) is { } heads
                ? hidden / heads
                : null);
    }
}
