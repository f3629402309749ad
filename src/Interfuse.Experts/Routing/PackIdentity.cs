using System.Security.Cryptography;
using System.Text;
using Interfuse.Checkpoints;

namespace Interfuse.Experts.Routing;

/// <summary>What a pack, or a plain model, is known by again: all that a prompt's features depend on.</summary>
public static class PackIdentity
{
    /// <summary>
    /// The SHA-256, in lower-case hexadecimal, of a line <c>expert NAME</c> per expert in the pack's order, and a line
    /// <c>file SHA256 NAME</c> per file of weights, <c>config.json</c> and file of the tokenizer, in ordinal order.
    /// </summary>
    /// <param name="pack">What <c>pack.json</c> says.</param>
    public static string Of(PackManifest pack)
    {
        ArgumentNullException.ThrowIfNull(pack);
        return Of(pack.Experts, pack.Files.Select(file => (file.Name, file.Sha256)));
    }

    /// <summary>The same of a plain model, which has no experts. Its files are read whole.</summary>
    /// <param name="directory">The model's directory.</param>
    /// <param name="cancellation">Ends the work between two files.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    public static string OfModel(string directory, CancellationToken cancellation)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        var files = new List<(string Name, string Sha256)>();
        foreach (string path in Directory.EnumerateFiles(directory).Where(path => Counts(Path.GetFileName(path))))
        {
            cancellation.ThrowIfCancellationRequested();
            using FileStream file = File.OpenRead(path);
            files.Add((Path.GetFileName(path), Convert.ToHexStringLower(SHA256.HashData(file))));
        }

        return Of([], files);
    }

    private static string Of(IEnumerable<string> experts, IEnumerable<(string Name, string Sha256)> files)
    {
        var text = new StringBuilder();
        foreach (string expert in experts)
        {
            text.Append("expert ").Append(expert).Append('\n');
        }

        foreach ((string name, string sha256) in files
            .Where(file => Counts(file.Name))
            .OrderBy(file => file.Name, StringComparer.Ordinal))
        {
            text.Append("file ").Append(sha256).Append(' ').Append(name).Append('\n');
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    private static bool Counts(string name) =>
        name != PackManifest.RouterFileName
        && (name.EndsWith(".safetensors", StringComparison.Ordinal)
            || name.EndsWith(".index.json", StringComparison.Ordinal)
            || name == "config.json"
            || Checkpoint.IsTokenizerFile(name));
}
