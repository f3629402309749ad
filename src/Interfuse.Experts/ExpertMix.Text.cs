using System.Collections.Immutable;
using System.Globalization;

namespace Interfuse.Experts;

// As it is written on a command line: math=0.7,code=0.3.
public sealed partial class ExpertMix
{
    private const string Example = "math=0.7,code=0.3";

    /// <summary>Reads a mixture: experts and their weights, for example <c>math=0.7,code=0.3</c>.</summary>
    /// <param name="text">The text. Spaces around names and weights do not count.</param>
    /// <param name="experts">The experts' names.</param>
    /// <exception cref="InterfuseException">The text is no mixture, or there is no such expert; says which.</exception>
    public static ExpertMix Parse(string text, IReadOnlyList<string> experts)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(experts);
        return ParseOf(owner: null, text, experts);
    }

    /// <summary>Reads a mixture of a pack's experts: <see cref="Parse"/> with the pack's path in messages.</summary>
    internal static ExpertMix ParseOf(string? owner, string text, IReadOnlyList<string> experts)
    {
        var shares = new List<ExpertShare>();
        ReadOnlySpan<char> rest = text;
        while (true)
        {
            rest = rest.TrimStart();
            int expert = Find(rest, experts, out int length);
            if (expert < 0)
            {
                throw Unsound(owner, text, Unknown(rest, experts));
            }

            rest = rest[length..];
            int comma = rest.IndexOf(',');
            ReadOnlySpan<char> number = (comma < 0 ? rest : rest[..comma]).Trim();
            if (!float.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out float weight))
            {
                throw Unsound(owner, text, $"'{experts[expert]}' has the weight '{number}', which is no number");
            }

            shares.Add(new ExpertShare(expert, weight));
            if (comma < 0)
            {
                break;
            }

            rest = rest[(comma + 1)..];
        }

        ImmutableArray<ExpertShare> all = [.. shares.OrderBy(share => share.Expert)];
        return Fault(all, expert => $"'{experts[expert]}'") is { } fault ? throw Unsound(owner, text, fault) : Sound(all);
    }

    /// <summary>The mixture as <see cref="Parse"/> reads it; the name of an expert alone; or <c>shared</c>.</summary>
    /// <param name="experts">The experts' names.</param>
    public string ToString(IReadOnlyList<string> experts)
    {
        ArgumentNullException.ThrowIfNull(experts);
        return ToString(expert => experts[expert]);
    }

    /// <summary>The mixture by the experts' numbers.</summary>
    public override string ToString() => ToString(expert => expert.ToString(CultureInfo.InvariantCulture));

    private static string Number(float number) => number.ToString(CultureInfo.InvariantCulture);

    // Float32 weights as float64 have digits that nobody wrote.
    private static string Rounded(double number) => number.ToString("G6", CultureInfo.InvariantCulture);

    // The expert whose name and equals sign a text begins with, and how long both are; of several the longest name, because
    // names may hold commas and equals signs.
    private static int Find(ReadOnlySpan<char> text, IReadOnlyList<string> experts, out int length)
    {
        int found = -1;
        length = 0;
        for (int expert = 0; expert < experts.Count; expert++)
        {
            string name = experts[expert];
            if (!text.StartsWith(name, StringComparison.Ordinal))
            {
                continue;
            }

            ReadOnlySpan<char> rest = text[name.Length..];
            ReadOnlySpan<char> sign = rest.TrimStart();
            int end = text.Length - sign.Length + 1;
            if (sign.StartsWith('=') && end > length)
            {
                found = expert;
                length = end;
            }
        }

        return found;
    }

    private static string Unknown(ReadOnlySpan<char> text, IReadOnlyList<string> experts)
    {
        int end = text.IndexOfAny('=', ',');
        string name = (end < 0 ? text : text[..end]).Trim().ToString();
        return experts.Contains(name)
            ? $"'{name}' has no weight"
            : $"there is no expert '{name}'; there are {string.Join(", ", experts.Select(expert => $"'{expert}'"))}";
    }

    private static InterfuseException Unsound(string? owner, string text, string fault) => new(
        $"{(owner is null ? "There" : $"{owner}: there")} is no mixture '{text}': {fault}. Give experts with weights that sum to 1, "
        + $"for example {Example}.");

    private string ToString(Func<int, string> name) => IsShared
        ? "shared"
        : IsSingle ? name(Expert) : string.Join(',', Parts.Select(share => $"{name(share.Expert)}={Number(share.Weight)}"));
}
