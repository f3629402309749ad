using System.Text.Json;
using Interfuse.Checkpoints;
using Interfuse.Experts;
using Interfuse.Experts.Routing;

namespace Interfuse.Server.Jobs;

/// <summary>Looks at the directory that a job made.</summary>
internal static class MergeOutput
{
    private const string RecipeFileName = "interfuse_recipe.yml";

    // What searches leave: the recipe beside them is that of the best candidate.
    private static readonly string[] SearchLogs = ["search.json", "greedy_soup.json"];

    /// <summary>Whether a directory is the complete result of a recipe.</summary>
    /// <param name="target">The directory, which need not be there.</param>
    /// <param name="recipe">The recipe's text.</param>
    public static bool IsOf(string target, string recipe)
    {
        if (!Directory.Exists(target) || StagedDirectory.IsBegun(target))
        {
            return false;
        }

        string file = Path.Combine(target, RecipeFileName);
        return (File.Exists(file) && File.ReadAllText(file) == recipe)
            || SearchLogs.Any(name => IsSearchOf(Path.Combine(target, name), recipe));
    }

    /// <summary>Says what was made.</summary>
    /// <param name="target">The directory.</param>
    /// <param name="cancellation">Ends the reading.</param>
    public static MergeJobResult Describe(string target, CancellationToken cancellation)
    {
        long bytes = new DirectoryInfo(target).EnumerateFiles().Sum(file => file.Length);
        string manifest = Path.Combine(target, PackManifest.FileName);
        if (!File.Exists(manifest))
        {
            return new MergeJobResult("model", bytes, PackIdentity.OfModel(target, cancellation), []);
        }

        PackManifest pack = PackManifest.Read(manifest);
        return new MergeJobResult("pack", bytes, PackIdentity.Of(pack), pack.Experts);
    }

    private static bool IsSearchOf(string log, string recipe)
    {
        if (!File.Exists(log))
        {
            return false;
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(log));
            return document.RootElement.GetProperty("recipe").GetString() == recipe;
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return false;
        }
    }
}
