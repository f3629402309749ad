using Interfuse.Experts.Encoders;
using Interfuse.Merging.Recipes;
using Interfuse.Server.Engine;

namespace Interfuse.Server.Jobs;

/// <summary>Reads the recipes of clients: nothing they name lies outside the allowed folders, and nothing runs a
/// program.</summary>
internal static class JobRecipe
{
    private const string Parameter = "recipe";

    /// <summary>Reads a recipe and finds everything it names.</summary>
    /// <param name="yaml">The recipe's text.</param>
    /// <param name="folders">Where that may lie.</param>
    /// <exception cref="RecipeException">It is at fault, or names what is not there or not allowed.</exception>
    public static Recipe Read(string yaml, JobFolders folders)
    {
        var recipe = Recipe.Parse(yaml, path: null, PackMethods.RecipeSignatures);
        if (recipe.Evaluation is { Command.Count: > 0 } evaluation)
        {
            throw new RecipeException(
                evaluation.Location, "'evaluate' has a 'command', and a server runs no programs for its clients: write "
                    + "`tasks: [task.jsonl]`");
        }

        var tasks = new HashSet<ModelReference>(recipe.Evaluation?.Tasks ?? []);
        string Resolve(ModelReference path)
        {
            try
            {
                return tasks.Contains(path) ? folders.FileAt(path.Text) : folders.ModelAt(path.Text);
            }
            catch (EngineException error)
            {
                throw new RecipeException(path.Location, error.Message);
            }
        }

        // Whatever is found again later is checked again then.
        foreach (ModelReference path in recipe.Paths)
        {
            Resolve(path);
        }

        return recipe.WithPaths(Resolve);
    }

    /// <summary>What a client is told of a recipe at fault.</summary>
    public static MergeJobException Refusal(RecipeException error, JobFolders folders) =>
        new(MergeJobFault.BadRequest, Message(error, folders), Parameter)
        {
            Line = error.Line > 0 ? error.Line : null,
            Column = error.Line > 0 ? error.Column : null,
        };

    /// <summary>The fault with its place, for clients.</summary>
    public static string Message(RecipeException error, JobFolders folders) =>
        (error.Line > 0 ? $"line {error.Line}, column {error.Column}: " : "") + folders.Shown(error.Reason);
}
