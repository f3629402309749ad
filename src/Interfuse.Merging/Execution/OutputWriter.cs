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
            File.Copy(path, Path.Combine(directory, name), overwrite: true);
        }

        if (plan.Config is { } config)
        {
            File.WriteAllBytes(Path.Combine(directory, "config.json"), config.ToUtf8Bytes());
        }

        File.WriteAllText(Path.Combine(directory, RecipeFileName), plan.Recipe.Text);
        File.WriteAllText(Path.Combine(directory, "README.md"), ModelCard(plan));
        foreach ((string name, byte[] content) in plan.Attachments)
        {
            File.WriteAllBytes(Path.Combine(directory, name), content);
        }
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
}
