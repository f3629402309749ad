using BenchmarkDotNet.Attributes;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Experts.Encoders;
using Interfuse.Inference.Generation;
using Interfuse.Inference.Models;
using Interfuse.Inference.Tokenization;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;

namespace Interfuse.Benchmarks.Decoding;

/// <summary>
/// What a service does all day with a pack of the tiny experts, by the pack's method: gathers of rows, products and steps of a
/// decoder, of experts and mixtures in one batch.
/// </summary>
/// <remarks>
/// The column that counts is Allocated. What BenchmarkDotNet allocates itself is in it, some kilobytes by what an iteration does:
/// of a step, which can't be repeated without end, up to some hundred bytes. That it is nothing is held by the allocation tests of
/// Interfuse.Experts and Interfuse.Inference.
/// </remarks>
[MemoryDiagnoser]
[ShortRunJob]
public class SteadyStateBenchmarks
{
    // As many as fit into the tiny experts' context behind a prompt.
    private const int Steps = 40;

    private const string Matrix = "model.layers.1.mlp.down_proj.weight";

    private readonly List<IDisposable> _parts = [];
    private string _folder = "";
    private DeviceQueue _queue = null!;
    private LoadedTensor _tensor = null!;
    private MixScratch _scratch = null!;
    private MixedBatch _batch = null!;
    private long[] _rows = [];
    private DeviceSpan _gathered;
    private DeviceSpan _x;
    private DeviceSpan _y;
    private Decoder _decoder = null!;
    private AnswerBatch _answers = null!;
    private GenerationRequest[] _requests = [];

    [Params("channel_merging", "mediator", "twin_merging", "emr_merging")]
    public string Method { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        _folder = Directory.CreateTempSubdirectory("interfuse-steady-").FullName;
        string pack = Path.Combine(_folder, "pack");
        string examples = Path.Combine(Repository(), "examples", "tiny-experts");
        string recipe = Path.Combine(examples, $"{Method}.yml");
        using (var plan = PackPlan.Create(
            Recipe.Parse(File.ReadAllText(recipe), recipe, PackMethods.RecipeSignatures), new MergeOptions()))
        {
            PackEncoder.Run(plan, pack, new MergeProgress(), CancellationToken.None);
        }

        var device = Keep(new CpuDevice(threads: 1));
        _queue = Keep(device.CreateQueue());
        _scratch = Keep(new MixScratch(_queue));
        using ModelWeights weights = ModelWeights.Open(pack);
        _tensor = Keep(weights.Load(Matrix, _queue));
        _decoder = Keep(Decoder.Load(weights, device));
        ExpertMix[] mixes =
        [
            ExpertMix.Of(0), ExpertMix.Of(3), ExpertMix.Weighted(new ExpertShare(1, 0.75f), new ExpertShare(2, 0.25f)), ExpertMix.Shared,
        ];
        _batch = new MixedBatch(mixes);
        _rows = [.. mixes.Select((_, i) => 7L * i)];
        _gathered = Take(_tensor.Spec.DType, _tensor.Matrix.Columns);
        _x = Take(DType.Float32, _tensor.Matrix.Columns);
        _y = Take(DType.Float32, _tensor.Matrix.Rows);
        _queue.Upload(new byte[_x.ByteLength], _x);
        var tokenizer = Tokenizer.Load(Path.Combine(examples, "base"));
        _answers = Keep(new AnswerBatch(_decoder, tokenizer));
        _requests =
        [
            .. mixes.Select(mix => new GenerationRequest(tokenizer.Encode("add"), mix) { IgnoreEndOfText = true }),
        ];
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _parts.Reverse();
        _parts.ForEach(part => part.Dispose());
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Answers that have read their prompts.</summary>
    [IterationSetup(Target = nameof(Step))]
    public void Begin()
    {
        _answers.Dispose();
        foreach (GenerationRequest request in _requests)
        {
            _answers.Add(request);
        }

        _answers.Advance();
        _answers.Advance();
    }

    [Benchmark]
    public void Gather() => _tensor.GatherBatch(_queue, _batch, _rows, _gathered, _scratch);

    [Benchmark]
    public void Multiply() => _tensor.Multiply(_queue, _batch, _x, _y, _scratch);

    [Benchmark(OperationsPerInvoke = Steps)]
    public void Step()
    {
        for (int step = 0; step < Steps; step++)
        {
            _answers.Advance();
        }
    }

    private DeviceSpan Take(DType dtype, long columns)
    {
        long length = _batch.Count * columns;
        return Keep(_queue.Device.Allocate(length * dtype.Size())).Span(dtype, length);
    }

    private T Keep<T>(T part)
        where T : IDisposable
    {
        _parts.Add(part);
        return part;
    }

    private static string Repository()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Engine.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new DirectoryNotFoundException("Run the benchmark within the repository: it takes the tiny experts.");
    }
}
