using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Interfuse.Checkpoints;

namespace Interfuse.Inference.Tokenization;

/// <summary>What a normalizer, a pre-tokenizer or a decoder looks for: a text, or an expression.</summary>
internal sealed class TextPattern
{
    /// <summary>What GPT-2 calls a word; the default of byte-level tokenizers.</summary>
    public const string ByteLevelWords =
        @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    // Patterns come with the model: one that backtracks without end must not hang the program.
    private static readonly TimeSpan MatchLimit = TimeSpan.FromSeconds(5);

    private readonly TokenizerSettings _settings;
    private readonly string _pattern;
    private readonly Regex? _expression;
    private readonly StandIns? _standIns;

    private TextPattern(string text, TokenizerSettings settings)
    {
        _settings = settings;
        _pattern = text;
    }

    private TextPattern(string pattern, Regex expression, StandIns standIns, TokenizerSettings settings)
        : this(pattern, settings)
    {
        _expression = expression;
        _standIns = standIns;
    }

    /// <summary>The text to look for, or null if it is an expression.</summary>
    public string? Literal => _expression is null ? _pattern : null;

    /// <summary>Reads <c>{"String": ...}</c> or <c>{"Regex": ...}</c> under the key <c>pattern</c>.</summary>
    public static TextPattern Read(JsonElement element, string part, TokenizerSettings settings)
    {
        JsonElement pattern = TokenizerSettings.Optional(element, "pattern")
            ?? throw settings.Fault($"{part} has no 'pattern'; download the file again");
        string? text = settings.OptionalText(pattern, "String", part);
        return text is not null
            ? new TextPattern(text, settings)
            : Expression(settings.Text(pattern, "Regex", part), settings);
    }

    /// <summary>A text that is looked for as it is.</summary>
    public static TextPattern Exactly(string text, TokenizerSettings settings) => new(text, settings);

    /// <summary>An expression in Oniguruma's language.</summary>
    /// <exception cref="CheckpointFormatException">The pattern is broken, or says what is not supported.</exception>
    public static TextPattern Expression(string pattern, TokenizerSettings settings)
    {
        (string expression, Func<char, bool> isNamed) = OnigurumaPattern.Translate(pattern, settings);
        StandIns standIns = StandIns.For(isNamed) ?? throw settings.Fault(
            $"the pattern '{pattern}' names every character of a category; use a tokenizer of a supported family");
        try
        {
            return new TextPattern(pattern, Compile(expression), standIns, settings);
        }
        catch (ArgumentException e)
        {
            throw settings.Fault($"the pattern '{pattern}' cannot be read ({e.Message}); download the file again");
        }
    }

    /// <summary>Writes where the pattern matches: in order, apart from each other, possibly empty.</summary>
    /// <param name="text">Well-formed UTF-16.</param>
    /// <param name="matches">Emptied first.</param>
    public void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        matches.Clear();
        if (_expression is null)
        {
            FindLiteral(text, matches);
        }
        else if (!text.ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            Match(text, matches);
        }
        else
        {
            FindByCodePoint(text, matches);
        }
    }

    /// <summary>The text with <paramref name="replacement"/> in place of every match.</summary>
    public string Replace(string text, string replacement)
    {
        if (_expression is null)
        {
            return _pattern.Length == 0 ? text : text.Replace(_pattern, replacement, StringComparison.Ordinal);
        }

        var matches = new List<(int Start, int End)>();
        Find(text, matches);
        var result = new StringBuilder(text.Length);
        int done = 0;
        foreach ((int start, int end) in matches)
        {
            result.Append(text, done, start - done).Append(replacement);
            done = end;
        }

        return matches.Count == 0 ? text : result.Append(text, done, text.Length - done).ToString();
    }

    private static Regex Compile(string expression)
    {
        const RegexOptions Meaning = RegexOptions.CultureInvariant | RegexOptions.Multiline;
        try
        {
            return new Regex(expression, Meaning | RegexOptions.NonBacktracking, MatchLimit);
        }
        catch (NotSupportedException)
        {
            // A look-around or an atomic group.
            return new Regex(expression, Meaning | RegexOptions.Compiled, MatchLimit);
        }
    }

    private void FindLiteral(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        int position = 0;
        while (_pattern.Length > 0 && text[position..].IndexOf(_pattern, StringComparison.Ordinal) is int skip and >= 0)
        {
            matches.Add((position + skip, position + skip + _pattern.Length));
            position += skip + _pattern.Length;
        }
    }

    private void FindByCodePoint(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        char[] shown = ArrayPool<char>.Shared.Rent(text.Length);
        int[] starts = ArrayPool<int>.Shared.Rent(text.Length + 1);
        try
        {
            int count = _standIns!.Show(text, shown, starts);
            Match(shown.AsSpan(0, count), matches);
            for (int i = 0; i < matches.Count; i++)
            {
                matches[i] = (starts[matches[i].Start], starts[matches[i].End]);
            }
        }
        finally
        {
            ArrayPool<char>.Shared.Return(shown);
            ArrayPool<int>.Shared.Return(starts);
        }
    }

    private void Match(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        try
        {
            foreach (ValueMatch match in _expression!.EnumerateMatches(text))
            {
                matches.Add((match.Index, match.Index + match.Length));
            }
        }
        catch (RegexMatchTimeoutException)
        {
            throw _settings.Fault(
                $"the pattern '{_pattern}' was still searching a text after {MatchLimit.TotalSeconds:0} seconds; "
                + "use a tokenizer of a supported family, or shorter texts");
        }
    }
}
