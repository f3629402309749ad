using System.Security.Cryptography;
using System.Text;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Search;

/// <summary>What a search reads, by content: SHA-256, in hexadecimal.</summary>
/// <param name="Models">The models as the recipe names them; each digest covers the names and bytes of its weight files,
/// configuration, tokenizer and other files that are carried over.</param>
/// <param name="Tasks">The tasks as the recipe names them.</param>
internal sealed record InputDigests(
    IReadOnlyList<(string Name, string Digest)> Models, IReadOnlyList<(string Name, string Digest)> Tasks)
{
    private const int BlockBytes = 1 << 20;

    /// <summary>Reads every file.</summary>
    /// <exception cref="IOException">One can't be read.</exception>
    public static InputDigests Of(MergePlan plan, Recipe recipe, CancellationToken cancellation) => new(
        [.. plan.Models.Select(model => (model.Name, OfModel(model, cancellation)))],
        [.. recipe.Evaluation!.Tasks.Select(task => (task.Text, OfFile(recipe.ResolvePath(task), cancellation)))]);

    /// <summary>A digest of all that decides what a search finds.</summary>
    public string Fingerprint(Recipe recipe, MergeOptions options)
    {
        string text = $"{recipe.ToYaml()}|{options.Seed}|{options.Semantics}|{options.TruncateEmbeddings}|"
            + string.Join('|', Models.Concat(Tasks).Select(input => $"{input.Name} {input.Digest}"));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    private static string OfModel(PlanModel model, CancellationToken cancellation)
    {
        string folder = model.Checkpoint.Path;
        IEnumerable<string> weights = model.Checkpoint.Tensors.Select(tensor => tensor.File.Path).Distinct();
        IEnumerable<string> others = model.Checkpoint.SideFiles.Append("config.json")
            .Select(name => Path.Combine(folder, name)).Where(File.Exists);
        IEnumerable<string> lines = weights.Concat(others)
            .Select(path => $"{Path.GetFileName(path)} {OfFile(path, cancellation)}\n")
            .Order(StringComparer.Ordinal);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(lines))));
    }

    private static string OfFile(string path, CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        byte[] block = new byte[BlockBytes];
        int read;
        while ((read = stream.Read(block)) > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            hash.AppendData(block.AsSpan(0, read));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
