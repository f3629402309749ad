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

    private static readonly PackMethod[] Methods =
    [
        new(
            "channel_merging", "groups: 2", [1, 1.5, 2],
            ["groups: 1", "groups: 2", "groups: 3", "groups: 4",
                "budget: 0.35", "budget: 0.45", "budget: 0.53", "budget: 0.7"]),
        new(
            "mediator", "budget: 0.6, rho: 0.3", [1, 1.5, 2],
            ["beta: 0, rho: 0.1", "beta: 0, rho: 0.2", "budget: 0.6, rho: 0.3", "top_k: 4, rho: 0.2", "top_k: 4, rho: 0.3"]),
        new(
            "twin_merging", "rank_share: 0.1", [0.2, 0.3, 0.5],
            ["rank_share: 0.05", "rank_share: 0.1", "rank_share: 0.2", "budget: 0.35", "budget: 0.5", "budget: 0.6"]),
        new(
            "emr_merging", "scale: per_tensor_mean, storage: [{filter: proj, value: auto}, {value: kept}]", [],
            ["scale: total", "scale: per_tensor_mean",
                "scale: per_tensor_mean, storage: [{filter: proj, value: auto}, {value: kept}]"]),
    ];

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

        var routed = new StringBuilder();
        foreach (PackMethod method in Methods)
        {
            string Parameters(string size, double lambda) =>
                method.Lambdas.Length == 0 ? size : $"{size}, lambda: {Text(lambda)}";
            QualityRow Pack(string size, double lambda, bool chosenBy) => bench.Pack(
                $"{method.Name}, {Parameters(size, lambda)}",
                QualityRecipes.Pack(method.Name, Parameters(size, lambda), bench), chosenBy);

            double best = method.Lambdas.DefaultIfEmpty().MaxBy(lambda => Pack(method.Typical, lambda, chosenBy: true).Mean);
            foreach (string size in method.Sizes)
            {
                Add(Pack(size, best, chosenBy: false));
            }

            QualityRow typical = Pack(method.Typical, best, chosenBy: false);
            string name = string.Create(
                CultureInfo.InvariantCulture, $"{typical.Name}; {100.0 * typical.Bytes / experts.Bytes:0.0} %");
            foreach (RoutedRow row in bench.Routed(name))
            {
                routed.AppendLine(row.ToMarkdown());
                Console.WriteLine(row.ToMarkdown());
            }
        }

        table.Append(Routing).Append(routed).Append(Failures);
        File.WriteAllText(Path.Combine(repository, "docs", "quality.md"), table.ToString());
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>A method that makes packs.</summary>
    /// <param name="Name">Its name in a recipe.</param>
    /// <param name="Typical">Parameters of a size in the middle: lambda is chosen at it, and it is routed.</param>
    /// <param name="Lambdas">What lambda is chosen from; none where the method has no lambda.</param>
    /// <param name="Sizes">Parameters of several sizes.</param>
    private sealed record PackMethod(string Name, string Typical, double[] Lambdas, string[] Sizes);

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);

    private const string Introduction =
        """
        # Quality

        What the experts of [examples/tiny-experts](../examples/tiny-experts) answer, what is left of it in merges of them, and what each takes. Made by

            dotnet run -c Release --project benchmarks/Interfuse.Benchmarks -- quality

        Figures are exact matches, in percent, of the last 100 prompts of each task. The first 100 are what was chosen by: the order and members of the
        greedy soup, the weights and densities of task arithmetic, TIES and DARE (`search:` over one grid each, see `Quality/QualityRecipes.cs`),
        and the lambda of packs among three (`Quality/QualityTable.cs`). Experts, and experts of a pack, answer their own task; every other model answers all four. Bytes
        are those of the weights, beside the four experts' together. In this table every expert of a pack is asked by its name. 100 prompts a task are few: differences of a point or two mean nothing.


        """;

    private const string Routing =
        """

        ## Routed

        One pack of each method, asked by name, by a router trained for it on other prompts (`interfuse route train`, [routing.md](routing.md)), and for what its experts share. *tasks*: the
        prompts above. *mixed*: the same, one of each task in turn in one batch. *strangers*: 100 prompts for skills of the base in the tasks' own form, which no expert was trained on
        (`unrelated/skills.jsonl`); *doubted*: of these the share that no single expert was trusted with. The router takes 6.5 kB more. In percent.

        | pack; bytes | chosen | tasks | mixed | strangers | doubted |
        |---|---|---|---|---|---|

        """;

    private const string Failures =
        """

        ## Where each method fails

        - **One model** (soups, slerp, task arithmetic, TIES, DARE): four skills that have little in common do not fit into one set of weights: the best keeps half, and slerp of two keeps one of them at most.
        - **Channel Merging** needs two rows for four experts: with one it is task arithmetic, and at a third of the bytes `reverse` and `add` have lost much. Its lambda must be
          chosen: 1 loses at K = 2 what 1.5 and 2 keep ([expert-packs.md](expert-packs.md)).
        - **Mediator** pays two bytes of place for every two of value: at 43 % `reverse` has lost a third, and from `rho` 0.375 on keeping four experts whole costs less.
        - **Twin-Merging** keeps most for its bytes here, since fine-tuning moved these small experts in few directions; whether that holds for larger ones nobody has seen here. A budget is no better than one rank for all of the same size.
          Its shared model answers none of the tasks, and its products are rounded differently from its export's.
        - **EMR-Merging** has one size. The expert that changed least, `cipher`, gets its magnitudes from the others and loses most. With embeddings and norms kept it loses less and is hardly larger, in a model with few tokens.
        - **Routers** tell these four tasks apart with ease, since each names itself; prompts that begin like a task's are taken for that task's, see [routing.md](routing.md). `mixture` always gives every expert a share, so it
          doubts everything and gains nothing by it here.

        """;
}
