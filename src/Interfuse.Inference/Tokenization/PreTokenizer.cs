using System.Text.Json;

namespace Interfuse.Inference.Tokenization;

/// <summary>A piece of a text on its way to a word.</summary>
/// <param name="Text">Its characters; never empty.</param>
/// <param name="AtStart">Whether it starts where the whole text does.</param>
internal readonly record struct Piece(ReadOnlyMemory<char> Text, bool AtStart);

/// <summary>One step from a text to its words: cuts a piece, or rewrites it, or both.</summary>
internal abstract class PreTokenizer
{
    private const string Supported = "ByteLevel, Split, Digits, Whitespace, WhitespaceSplit, Punctuation, Metaspace and "
        + "Sequence are supported";

    /// <summary>Writes the pieces that one becomes, in order, after those that are there.</summary>
    public abstract void Split(Piece piece, List<Piece> pieces);

    /// <summary>Reads the pre-tokenizer of a <c>tokenizer.json</c>; null stands for none.</summary>
    public static PreTokenizer? Read(JsonElement? element, TokenizerSettings settings)
    {
        if (element is not JsonElement given)
        {
            return null;
        }

        string type = settings.Text(given, "type", "the pre-tokenizer");
        string part = $"the pre-tokenizer {type}";
        return type switch
        {
            "Sequence" => new PreTokenizerSequence(
            [
                .. settings.List(given, "pretokenizers", part).EnumerateArray().Select(step => Read(step, settings)!),
            ]),
            "ByteLevel" => new ByteLevelPreTokenizer(
                settings.Flag(given, "add_prefix_space", true, part),
                settings.Flag(given, "use_regex", true, part)
                    ? TextPattern.Expression(TextPattern.ByteLevelWords, settings)
                    : null),
            "Split" => new SplitPreTokenizer(
                TextPattern.Read(given, part, settings),
                Behavior(given, part, settings),
                settings.Flag(given, "invert", false, part)),
            "Digits" => new SplitPreTokenizer(
                TextPattern.Expression(@"\p{N}", settings),
                settings.Flag(given, "individual_digits", false, part)
                    ? SplitBehavior.Isolated
                    : SplitBehavior.Contiguous,
                false),
            "Whitespace" => new SplitPreTokenizer(
                TextPattern.Expression(@"\w+|[^\w\s]+", settings), SplitBehavior.Removed, true),
            "WhitespaceSplit" => new SplitPreTokenizer(
                TextPattern.Expression(@"\s", settings), SplitBehavior.Removed, false),
            "Punctuation" => new SplitPreTokenizer(
                TextPattern.Expression(@"[\p{P}$+<=>\^`|~]", settings), Behavior(given, part, settings), false),
            "Metaspace" => MetaspaceSettings.Read(given, part, settings).PreTokenizer(settings),
            _ => throw settings.Fault(
                $"has the pre-tokenizer '{type}', and {Supported}; use a tokenizer of such a family"),
        };
    }

    private static SplitBehavior Behavior(JsonElement element, string part, TokenizerSettings settings)
    {
        string name = settings.OptionalText(element, "behavior", part) ?? nameof(SplitBehavior.Isolated);
        return Enum.GetNames<SplitBehavior>().Contains(name)
            ? Enum.Parse<SplitBehavior>(name)
            : throw settings.Fault($"{part} has the behavior '{name}', and "
                + $"{string.Join(", ", Enum.GetNames<SplitBehavior>())} are supported; download the file again");
    }
}

/// <summary>One step after another.</summary>
internal sealed class PreTokenizerSequence(PreTokenizer[] steps) : PreTokenizer
{
    public override void Split(Piece piece, List<Piece> pieces)
    {
        List<Piece> current = [piece];
        foreach (PreTokenizer step in steps)
        {
            var next = new List<Piece>();
            foreach (Piece part in current)
            {
                step.Split(part, next);
            }

            current = next;
        }

        pieces.AddRange(current);
    }
}
