using System.Diagnostics;
using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Evaluation;
using Interfuse.Inference.Models;
using Interfuse.Inference.Routing;
using Interfuse.Inference.Tokenization;

namespace Interfuse.Benchmarks.Quality;

/// <summary>Merges by the command line, as its users do, and evaluates what comes of it.</summary>
internal sealed class QualityBench
{
    /// <summary>The tasks, which are also the experts' names.</summary>
    public static readonly string[] Tasks = ["add", "cipher", "reverse", "sort"];

    private const string PackName = "pack";
    private const string MixedTask = "mixed";

    private readonly string _folder;
    private readonly string _repository;
    private readonly EvaluationTask[] _choosing;
    private readonly EvaluationTask[] _judging;

    /// <param name="folder">Where tasks, recipes and merges are made.</param>
    /// <param name="repository">The repository's folder, where the experts are.</param>
    public QualityBench(string folder, string repository)
    {
        _repository = Path.GetFullPath(repository);
        _folder = folder;
        Directory.CreateDirectory(folder);
        foreach (string task in Tasks)
        {
            string[] lines = File.ReadAllLines(Path.Combine(PathOf("tasks"), task + ".jsonl"));
            File.WriteAllLines(ChoosingTask(task), lines[..(lines.Length / 2)]);
            File.WriteAllLines(JudgingTask(task), lines[(lines.Length / 2)..]);
        }

        string[][] judged = [.. Tasks.Select(task => File.ReadAllLines(JudgingTask(task)))];
        File.WriteAllLines(
            JudgingTask(MixedTask), Enumerable.Range(0, judged[0].Length).SelectMany(i => judged.Select(lines => lines[i])));
        _choosing = [.. Tasks.Select(task => EvaluationTask.Load(ChoosingTask(task)))];
        _judging = [.. Tasks.Select(task => EvaluationTask.Load(JudgingTask(task)))];
    }

    /// <summary>The directory of one of the tiny experts.</summary>
    public string PathOf(string model) => Path.Combine(_repository, "examples", "tiny-experts", model);

    /// <summary>The half of a task that may be chosen by.</summary>
    public string ChoosingTask(string task) => Path.Combine(_folder, task + "-choosing.jsonl");

    /// <summary>A model on every task.</summary>
    public QualityRow Model(string name, string path)
    {
        using Decoder decoder = Load(path);
        return new QualityRow(name, [.. _judging.Select(task => Share(decoder, path, task, 0))], WeightBytes(path));
    }

    /// <summary>Every expert on its own task.</summary>
    public QualityRow Experts() => new(
        "every expert, own task",
        [
            .. Tasks.Select((name, i) =>
            {
                using Decoder decoder = Load(PathOf(name));
                return Share(decoder, PathOf(name), _judging[i], 0);
            }),
        ],
        Tasks.Sum(name => WeightBytes(PathOf(name))));

    /// <summary>The model that a recipe makes, on every task.</summary>
    public QualityRow Merged(string name, string recipe)
    {
        string path = Merge(recipe, "merged");
        return Model(name, path);
    }

    /// <summary>A pack, every expert on its own task.</summary>
    public QualityRow Pack(string name, string recipe, bool chosenBy)
    {
        string path = Merge(recipe, PackName);
        using ModelWeights weights = ModelWeights.Open(path);
        using Decoder decoder = Decoder.Load(weights, new CpuDevice(Environment.ProcessorCount));
        EvaluationTask[] tasks = chosenBy ? _choosing : _judging;
        return new QualityRow(
            name,
            [.. Tasks.Select((expert, i) => Share(decoder, path, tasks[i], weights.FindExpert(expert)))],
            WeightBytes(path));
    }

    /// <summary>
    /// The last pack made, asked by name, by a router trained for it and for what its experts share: the tasks, the tasks
    /// in turn in one batch, and prompts that are no expert's.
    /// </summary>
    public IEnumerable<RoutedRow> Routed(string name)
    {
        string path = Path.Combine(_folder, PackName);
        Interfuse("route", "train", path, "--calibration", PathOf("calibration"), "--quiet");
        using ModelWeights weights = ModelWeights.Open(path);
        using Decoder decoder = Decoder.Load(weights, new CpuDevice(Environment.ProcessorCount));
        Tokenizer tokenizer = Tokenizer.Load(path);
        var evaluator = new Evaluator(decoder, tokenizer, new EvaluationOptions { MaxTokens = 12 });
        EvaluationTask mixed = EvaluationTask.Load(JudgingTask(MixedTask));
        EvaluationTask strange = EvaluationTask.Load(Path.Combine(PathOf("unrelated"), "skills.jsonl"));
        double[] named = [.. Tasks.Select((task, i) => evaluator.Evaluate(_judging[i], weights.FindExpert(task)).Value)];
        yield return new RoutedRow(name, "by name", named.Average(), null, null, null);
        foreach (RoutePolicy policy in Enum.GetValues<RoutePolicy>())
        {
            var router = new Router(weights.OpenRouter(), decoder, tokenizer, policy);
            EvaluationResult strangers = evaluator.Evaluate(strange, router);
            yield return new RoutedRow(
                name,
                $"`{policy.ToString().ToLowerInvariant()}`",
                _judging.Average(task => evaluator.Evaluate(task, router).Value),
                evaluator.Evaluate(mixed, router).Value,
                strangers.Value,
                strangers.Samples.Average(sample => sample.Route!.Mix.IsSingle ? 0.0 : 1.0));
        }

        yield return new RoutedRow(
            name,
            "`--shared`",
            _judging.Average(task => evaluator.Evaluate(task, ExpertMix.Shared).Value),
            evaluator.Evaluate(mixed, ExpertMix.Shared).Value,
            evaluator.Evaluate(strange, ExpertMix.Shared).Value,
            null);
    }

    private string JudgingTask(string task) => Path.Combine(_folder, task + "-judging.jsonl");

    private string Merge(string recipe, string target)
    {
        string path = Path.Combine(_folder, target);
        string recipePath = Path.Combine(_folder, "recipe.yml");
        File.WriteAllText(recipePath, recipe);
        Interfuse("merge", recipePath, path, "--overwrite", "--quiet");
        return path;
    }

    private static void Interfuse(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet");
        foreach (string argument in (string[])[Path.Combine(AppContext.BaseDirectory, "interfuse.dll"), .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"'{string.Join(' ', arguments)}' ended with {process.ExitCode}.");
        }
    }

    private static Decoder Load(string path)
    {
        using ModelWeights weights = ModelWeights.Open(path);
        return Decoder.Load(weights, new CpuDevice(Environment.ProcessorCount));
    }

    private static double Share(Decoder decoder, string path, EvaluationTask task, int expert) =>
        new Evaluator(decoder, Tokenizer.Load(path), new EvaluationOptions { MaxTokens = 12 }).Evaluate(task, expert).Value;

    private static long WeightBytes(string path) =>
        new DirectoryInfo(path).EnumerateFiles("*.safetensors").Sum(file => file.Length);
}
