using System.Security.Cryptography;
using System.Text.Json;
using Interfuse.Checkpoints;

namespace Interfuse.Experts.Encoders;

/// <summary>Writes the files of a pack beside its weights: configuration, tokenizer, recipe, card, hashes and manifest.</summary>
internal static class PackFiles
{
    private const string RecipeFileName = "interfuse_recipe.yml";

    public static void WriteSideFiles(PackPlan plan, string directory)
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
        File.WriteAllText(Path.Combine(directory, "README.md"), Card(plan));
    }

    /// <summary>Hashes what else was written, and writes the manifest and its own hash.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="layout">Where everything is.</param>
    /// <param name="energies">The energies of each tensor, or null where nothing is compared.</param>
    /// <param name="shards">The files with the tensors, hashed.</param>
    /// <param name="directory">Where the files are.</param>
    public static PackManifest WriteManifest(
        PackPlan plan,
        PackLayout layout,
        IReadOnlyList<DeltaEnergies?> energies,
        IEnumerable<PackFileEntry> shards,
        string directory)
    {
        string[] names = [.. ((string[])(layout.Banks.Index is null ? [] : [CheckpointLayout.IndexFileName]))
            .Concat(layout.Index is null ? [] : [PackManifest.IndexFileName])
            .Concat(plan.SideFiles.Select(file => file.Name))
            .Concat(plan.Config is null ? [] : ["config.json"])
            .Concat([RecipeFileName, "README.md"])
            .Distinct()];
        PackFileEntry[] files = [.. names.Select(name => Hash(directory, name)).Concat(shards)
            .OrderBy(file => file.Name, StringComparer.Ordinal)];
        var manifest = new PackManifest(
            plan.Recipe.MergeMethod, plan.Experts, plan.EnsembleBytes, [.. layout.Tensors.Select((tensor, place) => EntryOf(tensor, energies[place]))], files, layout.Layers);
        byte[] bytes = manifest.ToUtf8Bytes();
        File.WriteAllBytes(Path.Combine(directory, PackManifest.FileName), bytes);
        File.WriteAllText(
            Path.Combine(directory, PackManifest.HashFileName), Convert.ToHexStringLower(SHA256.HashData(bytes)) + "\n");
        return manifest;
    }

    private static PackFileEntry Hash(string directory, string name)
    {
        using FileStream stream = File.OpenRead(Path.Combine(directory, name));
        return new PackFileEntry(name, stream.Length, Convert.ToHexStringLower(SHA256.HashData(stream)));
    }

    private static PackTensorEntry EntryOf(StoredTensor stored, DeltaEnergies? measured)
    {
        DeltaEnergies? energies = measured is { IsFinite: true } ? measured : null;
        return new PackTensorEntry(
            stored.Matrix.Spec.Name,
            stored.Scheme,
            stored.Matrix.Spec.DType.SafetensorsName(),
            stored.Matrix.Spec.Shape,
            energies?.Total,
            energies?.Lost);
    }

    // No date and no machine in it: the same recipe gives the same bytes.
    private static string Card(PackPlan plan) => $"""
        ---
        base_model:
        {string.Join('\n', plan.ModelNames.Select(model => $"- {JsonSerializer.Serialize(model)}"))}
        tags:
        - merge
        - interfuse
        ---

        # An expert pack

        {plan.Experts.Count} language models in one, made with Interfuse by the method `{plan.Recipe.MergeMethod}`: each
        keeps its own weights where they matter and shares them where they are alike.

        - `interfuse inspect .` shows what is in it.
        - `interfuse export . --expert {JsonSerializer.Serialize(plan.Experts[0])} OUT` gives one expert back as a model.

        ## Recipe

        ```yaml
        {plan.Recipe.Text.Trim()}
        ```

        """;
}
