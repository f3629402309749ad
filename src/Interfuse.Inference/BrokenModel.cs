namespace Interfuse.Inference;

/// <summary>What is said of a model whose logits are no numbers.</summary>
internal static class BrokenModel
{
    public static InterfuseException Error() => new(
        "The model's answer is not a number: its weights hold NaN or infinite values, or values too large. "
        + "'interfuse inspect' and the merge's report tell more.");
}
