using System.Text;
using System.Text.Json;
using Interfuse.Merging.Planning;

namespace Interfuse.Merging.Execution;

/// <summary>Writes the files beside the weights: configuration, tokenizer and what else was carried over, recipe and model card.</summary>
internal static class OutputWriter
{
    public const string RecipeFileName = "interfuse_recipe.yml";

    public static void WriteSideFiles(MergePlan plan, string directory)
    {
        foreach ((string path, string name) in plan.SideFiles)
        {
            WriteDurably(directory, name, File.ReadAllBytes(path));
        }

        if (plan.Config is { } config)
        {
            WriteDurably(directory, "config.json", config.ToUtf8Bytes());
        }

        WriteDurably(directory, RecipeFileName, Encoding.UTF8.GetBytes(plan.Recipe.Text));
        WriteDurably(directory, "README.md", Encoding.UTF8.GetBytes(ModelCard(plan)));
    }

    // No date and no machine in it: the same recipe gives the same bytes.
    private static string ModelCard(MergePlan plan)
    {
        string[] models = [.. plan.Models.Select(model => model.Name)];
        string name = plan.Recipe.Path is { } path ? Path.GetFileNameWithoutExtension(path) : plan.Recipe.MergeMethod;
        return $"""
            ---
            base_model:
            {string.Join('\n', models.Select(model => $"- {JsonSerializer.Serialize(model)}"))}
            library_name: transformers
            tags:
            - merge
            - interfuse
            ---

            # {name}

            A merge of {models.Length} language models, made with Interfuse by the method `{plan.Recipe.MergeMethod}`.

            ## Models

            {string.Join('\n', models.Select(model => model == plan.Recipe.BaseModel?.Text ? $"- {model} (base)" : $"- {model}"))}

            ## Recipe

            ```yaml
            {plan.Recipe.Text.Trim()}
            ```

            """;
    }

    private static void WriteDurably(string directory, string name, byte[] content)
    {
        using var stream = new FileStream(Path.Combine(directory, name), FileMode.Create, FileAccess.Write);
        stream.Write(content);
        stream.Flush(flushToDisk: true);
    }
}
