using System.Text.Json;
using Interfuse.Experts;
using Interfuse.Experts.Encoders;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Models;
using Interfuse.Inference.Routing;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Inference.Tests.Routing;

/// <summary>A pack of the tiny experts, to train routers for.</summary>
internal sealed class RoutedTinyExperts : IDisposable
{
    private readonly TempFolder _folder = new();

    public RoutedTinyExperts(string recipeFile = "channel_merging.yml")
    {
        Path = _folder["pack"];
        var recipe = Recipe.Parse(
            File.ReadAllText(TinyExperts.PathOf(recipeFile)), TinyExperts.PathOf(recipeFile), ChannelMerging.RecipeSignatures);
        using (PackPlan plan = PackPlan.Create(recipe, new MergeOptions()))
        {
            PackEncoder.Run(plan, Path, new MergeProgress(), CancellationToken.None);
        }

        Manifest = PackManifest.Read(System.IO.Path.Combine(Path, PackManifest.FileName));
        Decoder = TinyExperts.LoadFrom(Path);
        Calibration = CalibrationPrompts.Load(TinyExperts.PathOf("calibration"), Manifest.Experts);
    }

    public string Path { get; }

    public PackManifest Manifest { get; }

    public Decoder Decoder { get; }

    public CalibrationPrompts Calibration { get; }

    /// <summary>A folder beside the pack.</summary>
    public string Beside(string name) => _folder[name];

    public RouterTraining Train(int depth, ulong seed = 0) => RouterCalibration.Train(
        Manifest, Decoder, TinyExperts.Tokenizer, Calibration.Prompts, new RouterFeatures(depth), new() { Seed = seed });

    public Router Route(PackRouter router, RoutePolicy policy) => new(router, Decoder, TinyExperts.Tokenizer, policy);

    /// <summary>The prompts, or texts, of a file of the tiny experts.</summary>
    public static string[] Prompts(params string[] path) =>
    [
        .. File.ReadLines(TinyExperts.PathOf(System.IO.Path.Combine(path)))
            .Select(line => JsonDocument.Parse(line).RootElement.EnumerateObject().First().Value.GetString()!),
    ];

    public void Dispose()
    {
        Decoder.Dispose();
        _folder.Dispose();
    }
}
