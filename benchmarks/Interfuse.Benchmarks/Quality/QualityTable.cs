using System.CommandLine;
using System.Globalization;
using System.Text;

namespace Interfuse.Benchmarks.Quality;

/// <summary>
/// Makes docs/quality.md: what the tiny experts, merges of them and packs of them answer, and what each takes.
/// </summary>
/// <remarks>
/// Each task's first half is for choosing (which models join a soup, which weights, which lambda); what the table says is
/// of the second half, which nothing was chosen by.
/// </remarks>
internal static class QualityTable
{
    private static readonly Option<string> Folder = new("--folder")
    {
        Description = "Where merges are made; deleted afterwards.",
        DefaultValueFactory = _ => Path.Combine(Path.GetTempPath(), "interfuse-quality"),
    };

    private static readonly Option<string> Repository = new("--repository")
    {
        Description = "The repository's folder, whose docs/quality.md is written.",
        DefaultValueFactory = _ => ".",
    };

    private static readonly string[] Sizes =
    [
        "groups: 1", "groups: 2", "groups: 3", "groups: 4",
        "budget: 0.35", "budget: 0.45", "budget: 0.53", "budget: 0.7",
    ];

    private static readonly double[] Lambdas = [1, 1.5, 2];

    public static int Run(string[] args)
    {
        var command = new RootCommand("The quality table of the tiny experts.") { Folder, Repository };
        command.SetAction(parsed => Make(parsed.GetRequiredValue(Folder), parsed.GetRequiredValue(Repository)));
        return command.Parse(args).Invoke();
    }

    private static void Make(string folder, string repository)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        var bench = new QualityBench(folder, repository);
        var table = new StringBuilder(Introduction);
        table.AppendLine($"| model | {string.Join(" | ", QualityBench.Tasks)} | mean | of the experts' | bytes |");
        table.AppendLine($"|---|{string.Concat(QualityBench.Tasks.Select(_ => "---|"))}---|---|---|");
        QualityRow experts = bench.Experts();
        void Add(QualityRow row)
        {
            table.AppendLine(row.ToMarkdown(experts));
            Console.WriteLine(row.ToMarkdown(experts));
        }

        Add(bench.Model("base", bench.PathOf("base")));
        foreach (string task in QualityBench.Tasks)
        {
            Add(bench.Model($"expert {task}", bench.PathOf(task)));
        }

        Add(experts);
        foreach ((string name, string recipe) in QualityRecipes.Static(bench))
        {
            Add(bench.Merged(name, recipe));
        }

        double lambda = Lambdas.MaxBy(value =>
            bench.Pack("pack", QualityRecipes.Pack($"groups: 2, lambda: {Text(value)}", bench), chosenBy: true).Mean);
        foreach (string size in Sizes)
        {
            string parameters = $"{size}, lambda: {Text(lambda)}";
            Add(bench.Pack($"channel merging, {parameters}", QualityRecipes.Pack(parameters, bench), chosenBy: false));
        }

        File.WriteAllText(Path.Combine(repository, "docs", "quality.md"), table.ToString());
        Directory.Delete(folder, recursive: true);
    }

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);

    private const string Introduction =
        """
        # Quality

        What the experts of [examples/tiny-experts](../examples/tiny-experts) answer, what is left of it in merges of them, and what each takes. Made by

            dotnet run -c Release --project benchmarks/Interfuse.Benchmarks -- quality

        Figures are exact matches, in percent, of the last 100 prompts of each task. The first 100 are what was chosen by: the order and members of the
        greedy soup, the weights and densities of task arithmetic, TIES and DARE (`search:` over one grid each, see `Quality/QualityRecipes.cs`),
        and the lambda of Channel Merging among 1, 1.5 and 2. Experts, and experts of a pack, answer their own task; every other model answers all four. Bytes
        are those of the weights, beside the four experts' together. 100 prompts a task are few: differences of a point or two mean nothing.


        """;
}
