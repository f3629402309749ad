using System.Text;

namespace Interfuse.Merging.Recipes;

/// <summary>Turns of phrase that the messages about recipes share.</summary>
internal static class Message
{
    private const int MaxQuoted = 60;

    /// <summary>Text from a file, in quotes, shortened and without control characters.</summary>
    public static string Quote(string text)
    {
        StringBuilder quoted = new("'");
        foreach (Rune rune in text.EnumerateRunes().Take(MaxQuoted))
        {
            quoted.Append(Rune.IsControl(rune) ? "?" : rune.ToString());
        }

        return quoted.Append(text.Length > MaxQuoted ? "...'" : "'").ToString();
    }

    /// <summary><c>, did you mean 'x'?</c> where a known word is near, else nothing.</summary>
    public static string DidYouMean(string word, IEnumerable<string> known) =>
        Nearest.To(word, known) is string nearest ? $", did you mean '{nearest}'?" : "";

    /// <summary><c>, first in line 3</c>; nothing for generated text, whose lines nobody has seen.</summary>
    public static string FirstIn(SourceLocation location) =>
        location.Line > 0 ? $", first in line {location.Line}" : "";

    /// <summary>The words with commas between them.</summary>
    public static string List(IEnumerable<string> words) => string.Join(", ", words);

    /// <summary><c>1 model</c>, <c>2 models</c>.</summary>
    public static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";
}
