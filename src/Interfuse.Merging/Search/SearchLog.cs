using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Search;

/// <summary>The record of a search that is kept with the model: every candidate, its score, and what was decided.</summary>
/// <remarks>No time and no machine is in it: the same search gives the same bytes.</remarks>
internal static class SearchLog
{
    private static readonly JsonSerializerOptions Options = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The name of the file.</summary>
    public static string FileName(Recipe recipe) => recipe.Search is null ? "greedy_soup.json" : "search.json";

    /// <summary>The record, in UTF-8.</summary>
    public static byte[] Write(
        Recipe recipe, MergeOptions options, InputDigests inputs, IReadOnlyList<Trial> trials, Trial best)
    {
        var log = new JsonObject
        {
            ["version"] = 1,
            ["method"] = recipe.MergeMethod,
            ["search"] = recipe.Search is { } search ? Search(search) : null,
            ["evaluate"] = Evaluation(recipe.Evaluation!),
            ["seed"] = options.Seed,
            ["semantics"] = options.Semantics.ToString().ToLowerInvariant(),
            ["truncate_embeddings"] = options.TruncateEmbeddings,
            ["models"] = Inputs("model", inputs.Models),
            ["tasks"] = Inputs("task", inputs.Tasks),
            ["evaluations"] = trials.Count(trial => trial.Score is not null),
            ["candidates"] = new JsonArray([.. trials.Select(Trial)]),
            ["best"] = Trial(best),
            ["recipe"] = recipe.Text,
            ["best_recipe"] = best.Candidate.Recipe.Text,
        };
        if (recipe.Search is null)
        {
            log.Remove("search");
        }

        return [.. JsonSerializer.SerializeToUtf8Bytes(log, Options), (byte)'\n'];
    }

    private static JsonObject Search(RecipeSearch search) => new()
    {
        ["strategy"] = search.Strategy == SearchStrategy.Grid ? "grid" : "evolution",
        ["evaluations"] = search.Evaluations,
        ["seed"] = search.Seed,
    };

    private static JsonObject Evaluation(RecipeEvaluation evaluation) => evaluation.Command.Count > 0
        ? new JsonObject
        {
            ["command"] = new JsonArray([.. evaluation.Command.Select(word => (JsonNode)word)]),
            ["timeout"] = evaluation.Timeout.TotalSeconds,
        }
        : new JsonObject
        {
            ["tasks"] = new JsonArray([.. evaluation.Tasks.Select(task => (JsonNode)task.Text)]),
            ["max_tokens"] = evaluation.MaxTokens,
            ["limit"] = evaluation.Limit,
        };

    private static JsonArray Inputs(string kind, IReadOnlyList<(string Name, string Digest)> inputs) =>
        new([.. inputs.Select(input => new JsonObject { [kind] = input.Name, ["sha256"] = input.Digest })]);

    private static JsonObject Trial(Trial trial)
    {
        var entry = new JsonObject
        {
            ["coefficients"] = new JsonArray([.. trial.Candidate.Coefficients.Select(Coefficient)]),
            ["score"] = trial.Score,
        };
        if (trial.Kept is { } kept)
        {
            entry["kept"] = kept;
        }

        if (trial.Unfit is { } reason)
        {
            entry["unfit"] = reason;
        }

        return entry;
    }

    private static JsonObject Coefficient(Coefficient one)
    {
        var entry = new JsonObject();
        if (one.Model is not null)
        {
            entry["model"] = one.Model;
        }

        entry["parameter"] = one.Parameter;
        entry["value"] = SettingJson.Of(one.Value);
        return entry;
    }
}
