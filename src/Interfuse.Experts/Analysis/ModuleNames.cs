using Interfuse.Merging.Planning;

namespace Interfuse.Experts.Analysis;

/// <summary>Which part of a model a tensor is, told by its name.</summary>
/// <param name="Layer">The layer it is in, or null.</param>
/// <param name="Module">
/// <c>embed</c>, <c>head</c>, <c>norm</c>, or the name of its module, for example <c>q_proj</c>.
/// </param>
internal readonly record struct ModuleName(int? Layer, string Module)
{
    private const string Embedding = "embed";
    private const string Norm = "norm";
    private const string Head = "head";

    // In the order in which a decoder uses them; any other module comes between the projections and the norms.
    private static readonly string[] First =
        [Embedding, "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

    private static readonly string[] Last = [Norm, Head];

    public static ModuleName Of(string tensor)
    {
        int? layer = LayerNames.TrySplit(tensor, out _, out int found, out _) ? found : null;
        string[] parts = tensor.Split('.', StringSplitOptions.RemoveEmptyEntries);
        bool isKind = parts.Length > 1 && parts[^1] is "weight" or "bias";
        string module = parts.Length == 0 ? tensor : parts[isKind ? ^2 : ^1];
        if (LayerNames.IsEmbedding(tensor))
        {
            return new ModuleName(layer, module is "lm_head" or "embed_out" ? Head : Embedding);
        }

        bool isNorm = module.Contains(Norm, StringComparison.OrdinalIgnoreCase) || module.StartsWith("ln_", StringComparison.Ordinal);
        return new ModuleName(layer, isNorm ? Norm : module);
    }

    /// <summary>Whether a tensor of this module and so many extents is a linear projection of a layer.</summary>
    public bool IsProjection(int extents) => Layer is not null && extents == 2 && Module is not (Norm or Embedding or Head);

    /// <summary>Where a module stands among others.</summary>
    public static int Order(string module)
    {
        int last = Array.IndexOf(Last, module);
        int first = Array.IndexOf(First, module);
        return last >= 0 ? First.Length + 1 + last : first >= 0 ? first : First.Length;
    }
}
