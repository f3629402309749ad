using System.Text.Json;
using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Experts.Encoders;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Generation;
using Interfuse.Inference.Models;
using Interfuse.Inference.Routing;
using Interfuse.Inference.Tokenization;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Server.Tests;

/// <summary>A pack of the four tiny experts with a router, made once for all tests.</summary>
[SetUpFixture]
internal sealed class TinyPack
{
    private const int RouterDepth = 2;

    private static readonly TempFolder Folder = new();

    /// <summary>The pack.</summary>
    public static string Path { get; } = Folder["tiny"];

    /// <summary>The experts' names, which are also those of their tasks.</summary>
    public static string[] Experts { get; } = ["add", "cipher", "reverse", "sort"];

    /// <summary>The path of a plain model, or of another folder of examples/tiny-experts.</summary>
    public static string PathOf(string name) => Repository.PathOf("examples", "tiny-experts", name);

    /// <summary>The prompts of a task.</summary>
    public static string[] Prompts(string task) =>
    [
        .. File.ReadLines(System.IO.Path.Combine(PathOf("tasks"), task + ".jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("prompt").GetString()!),
    ];

    /// <summary>The texts that experts answer prompts with, asked one by one without any server.</summary>
    /// <param name="requests">For each prompt its expert's place, and how its answer is to be.</param>
    public static string[] AnswersAlone(IEnumerable<(string Prompt, int Expert, int MaxTokens)> requests)
    {
        using var weights = ModelWeights.Open(Path);
        using Decoder decoder = Decoder.Load(weights, new CpuDevice(1));
        var tokenizer = Tokenizer.Load(Path);
        var generator = new Generator(decoder, tokenizer);
        return
        [
            .. requests.Select(request => generator.Run(
                [new GenerationRequest(tokenizer.Encode(request.Prompt), request.Expert) { MaxTokens = request.MaxTokens }])[0].Text),
        ];
    }

    [OneTimeSetUp]
    public static void Make()
    {
        string file = PathOf("channel_merging.yml");
        var recipe = Recipe.Parse(File.ReadAllText(file), file, PackMethods.RecipeSignatures);
        using (var plan = PackPlan.Create(recipe, new MergeOptions()))
        {
            PackEncoder.Run(plan, Path, new MergeProgress(), CancellationToken.None);
        }

        using var weights = ModelWeights.Open(Path);
        using Decoder decoder = Decoder.Load(weights, new CpuDevice(2));
        var calibration = CalibrationPrompts.Load(PathOf("calibration"), weights.Experts);
        RouterTraining training = RouterCalibration.Train(
            PackManifest.Read(System.IO.Path.Combine(Path, PackManifest.FileName)),
            decoder,
            Tokenizer.Load(Path),
            calibration.Prompts,
            new RouterFeatures(RouterDepth),
            new RouterTrainingOptions());
        RouterInstaller.Install(Path, training.Router);
    }

    [OneTimeTearDown]
    public static void Delete() => Folder.Dispose();
}
