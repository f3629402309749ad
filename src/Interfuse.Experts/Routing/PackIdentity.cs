using System.Security.Cryptography;
using System.Text;
using Interfuse.Checkpoints;

namespace Interfuse.Experts.Routing;

/// <summary>What a pack is known by again: all that a prompt's features depend on.</summary>
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
        var text = new StringBuilder();
        foreach (string expert in pack.Experts)
        {
            text.Append("expert ").Append(expert).Append('\n');
        }

        IEnumerable<PackFileEntry> files = pack.Files.Where(file => Counts(file.Name));
        foreach (PackFileEntry file in files.OrderBy(file => file.Name, StringComparer.Ordinal))
        {
            text.Append("file ").Append(file.Sha256).Append(' ').Append(file.Name).Append('\n');
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
