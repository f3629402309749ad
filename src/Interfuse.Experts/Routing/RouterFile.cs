using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Interfuse.Checkpoints;

namespace Interfuse.Experts.Routing;

/// <summary>Writes a router as a safetensors file: its weights as tensors, all else as texts of the header.</summary>
internal static class RouterFile
{
    public const string Format = "interfuse-router";
    public const int Version = 1;

    /// <summary>The tensors: name and shape.</summary>
    public static IReadOnlyList<(string Name, long[] Shape)> Tensors(long experts, long width) =>
    [
        ("mean", [width]), ("scale", [width]), ("weight", [experts, width]), ("bias", [experts]),
        ("centre", [experts, width]), ("spread", [width]),
    ];

    /// <summary>The bytes of <c>router.safetensors</c>.</summary>
    public static byte[] Write(PackRouter router)
    {
        (RouterWeights weights, RouterFacts facts) = (router.Weights, router.Facts);
        float[][] values = [weights.Mean, weights.Scale, weights.Weight, weights.Bias, weights.Centre, weights.Spread];
        TensorSpec[] specs =
        [
            .. Tensors(weights.Experts, weights.Width)
                .Select(tensor => new TensorSpec(tensor.Name, DType.Float32, [.. tensor.Shape])),
        ];
        var texts = new Dictionary<string, string>
        {
            ["format"] = Format,
            ["version"] = Text(Version),
            ["experts"] = JsonSerializer.Serialize(facts.Experts, PackManifest.Json),
            ["pack"] = facts.PackHash,
            ["depth"] = Text(facts.Features.Depth),
            ["max_tokens"] = Text(facts.Features.MaxTokens),
            ["temperature"] = Text(weights.Temperature),
            ["reach"] = Text(weights.Reach),
            ["low"] = Text(facts.Marks.Low),
            ["high"] = Text(facts.Marks.High),
            ["mass"] = Text(facts.Marks.Mass),
            ["training_prompts"] = Text(facts.TrainingPrompts),
            ["held_out_prompts"] = Text(facts.HeldOutPrompts),
            ["accuracy"] = Text(facts.Accuracy),
            ["error_before"] = Text(facts.ErrorBefore),
            ["error_after"] = Text(facts.ErrorAfter),
        };
        byte[] header = SafetensorsHeader.Write(specs, texts);
        return [.. header, .. values.SelectMany(part => MemoryMarshal.AsBytes<float>(part).ToArray())];
    }

    private static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);
}
