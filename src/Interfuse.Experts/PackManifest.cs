using System.Text.Encodings.Web;
using System.Text.Json;

namespace Interfuse.Experts;

/// <summary>What <c>pack.json</c> says: the experts, and how each of their tensors is stored.</summary>
/// <remarks>
/// <para>
/// A pack is a directory: <c>pack.json</c>; <c>pack.sha256</c>, the lower-case hexadecimal SHA-256 of <c>pack.json</c>
/// and a newline; safetensors files laid out as those of a model, which any reader opens; <c>index.safetensors</c>,
/// where a scheme has tables; <c>router.safetensors</c>, once a router has been trained; <c>config.json</c>, the
/// tokenizer and what else a Hugging Face directory holds.
/// </para>
/// <para>
/// A tensor of scheme <c>shared</c> is stored under its own name, in its own shape, one for all experts. One of scheme
/// <c>grouped</c> is a matrix [m, n] per expert: m is the first extent and n the product of the others, or, with fewer
/// than two extents, m is 1. Under its own name stands the bank of rows [R, n]; under the same name in
/// <c>index.safetensors</c> the table [N, m] of I32 that tells which row of the bank is an expert's row.
/// </para>
/// </remarks>
/// <param name="Method">The <c>merge_method</c> that made it.</param>
/// <param name="Experts">The experts' names, in the order of all tables: their ordinal order where this code wrote
/// them.</param>
/// <param name="EnsembleBytes">What the experts' tensors would take one by one, in the types of the pack.</param>
/// <param name="Tensors">Every tensor of an expert, in the order of a model's.</param>
/// <param name="Files">Every other file of the pack but <c>pack.sha256</c>.</param>
public sealed record PackManifest(
    string Method,
    IReadOnlyList<string> Experts,
    long EnsembleBytes,
    IReadOnlyList<PackTensorEntry> Tensors,
    IReadOnlyList<PackFileEntry> Files)
{
    /// <summary>The manifest's name in a pack.</summary>
    public const string FileName = "pack.json";

    /// <summary>The name of the file with the manifest's own hash.</summary>
    public const string HashFileName = "pack.sha256";

    /// <summary>The name of the file with the tables.</summary>
    public const string IndexFileName = "index.safetensors";

    /// <summary>The name of the file with the router, in a pack that has one.</summary>
    public const string RouterFileName = "router.safetensors";

    /// <summary>The value of <c>format</c>.</summary>
    public const string Format = "interfuse-expert-pack";

    /// <summary>The version of the format that this code writes and reads.</summary>
    public const int Version = 1;

    internal static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>Reads a <c>pack.json</c> and checks all that can be told without the other files.</summary>
    /// <remarks>
    /// Properties that this version does not know are passed over at the top and refused below it, where they would
    /// change what a tensor is.
    /// </remarks>
    /// <param name="path">The file.</param>
    /// <exception cref="InterfuseException">It is no sound manifest of this version or an earlier one.</exception>
    /// <exception cref="IOException">It cannot be opened or read.</exception>
    public static PackManifest Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new PackManifestReader(Path.GetFullPath(path)).Read();
    }

    /// <summary>The bytes of <c>pack.json</c>: a line per tensor and file.</summary>
    public byte[] ToUtf8Bytes()
    {
        string Lines<T>(IEnumerable<T> entries) =>
            string.Join(",\n", entries.Select(entry => $"    {JsonSerializer.Serialize(entry, Json)}"));

        string text = $$"""
            {
              "format": "{{Format}}",
              "version": {{Version}},
              "method": {{JsonSerializer.Serialize(Method, Json)}},
              "experts": {{JsonSerializer.Serialize(Experts, Json)}},
              "ensemble_bytes": {{EnsembleBytes}},
              "tensors": [
            {{Lines(Tensors)}}
              ],
              "files": [
            {{Lines(Files)}}
              ]
            }

            """;
        return System.Text.Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\n"));
    }
}

/// <summary>A tensor of a pack.</summary>
/// <param name="Name">Its name in an expert's model.</param>
/// <param name="Scheme">How it is stored: <c>shared</c> or <c>grouped</c>.</param>
/// <param name="Dtype">Its type as safetensors names it, for example <c>BF16</c>.</param>
/// <param name="Shape">Its shape in an expert's model.</param>
/// <param name="DeltaEnergy">
/// Per expert the squared norm of its task vector before encoding; null where that is no number, or there is no base.
/// </param>
/// <param name="LostEnergy">Per expert the squared distance of what is stored from the expert's own values.</param>
public sealed record PackTensorEntry(
    string Name,
    string Scheme,
    string Dtype,
    IReadOnlyList<long> Shape,
    IReadOnlyList<double>? DeltaEnergy = null,
    IReadOnlyList<double>? LostEnergy = null);

/// <summary>A file of a pack.</summary>
/// <param name="Name">Its name, without folders.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">The SHA-256 of its bytes, lower-case hexadecimal.</param>
public sealed record PackFileEntry(string Name, long Bytes, string Sha256);
