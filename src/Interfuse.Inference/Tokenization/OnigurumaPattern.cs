using System.Globalization;
using System.Text;
using Interfuse.Checkpoints;

namespace Interfuse.Inference.Tokenization;

/// <summary>
/// Says in the framework's language what an expression of a <c>tokenizer.json</c> says in Oniguruma's (Ruby syntax).
/// </summary>
/// <remarks>
/// What the two languages spell alike and mean alike is passed on; what they mean differently is rewritten; everything
/// else is refused by name, because a pattern that is nearly understood cuts words at wrong places without any error.
/// </remarks>
internal sealed class OnigurumaPattern
{
    // Word characters by Unicode's definition: the framework leaves letter numbers, some marks and circled letters out.
    private const string Word = @"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u24B6-\u24E9";
    private const int NoAtom = -1;

    private static readonly HashSet<string> Categories = new(StringComparer.Ordinal)
    {
        "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe",
        "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Cs", "Co", "Cn",
    };

    private readonly string _pattern;
    private readonly TokenizerSettings _settings;
    private readonly StringBuilder _output = new();
    private readonly List<(char First, char Last)> _named = [];
    private readonly Stack<(int Start, bool IgnoreCase)> _groups = new();
    private int _position;
    private int _atom = NoAtom;
    private bool _ignoreCase;

    private OnigurumaPattern(string pattern, TokenizerSettings settings)
    {
        _pattern = pattern;
        _settings = settings;
    }

    /// <summary>Translates an expression.</summary>
    /// <returns>The expression for the framework, and what tells whether it names a character.</returns>
    /// <exception cref="CheckpointFormatException">The pattern is broken, or says what is not supported.</exception>
    public static (string Expression, Func<char, bool> IsNamed) Translate(string pattern, TokenizerSettings settings)
    {
        var translation = new OnigurumaPattern(pattern, settings);
        translation.Translate();
        List<(char First, char Last)> named = translation._named;
        return (translation._output.ToString(), c => named.Any(range => range.First <= c && c <= range.Last));
    }

    private void Translate()
    {
        while (_position < _pattern.Length)
        {
            char c = _pattern[_position++];
            switch (c)
            {
                case '\\':
                    Atom(Escape());
                    break;
                case '[':
                    Atom(Set());
                    break;
                case '(':
                    OpenGroup();
                    break;
                case ')':
                    CloseGroup();
                    break;
                case '*' or '+' or '?':
                    Quantifier(c.ToString());
                    break;
                case '{' when Repetition() is string repetition:
                    Quantifier(repetition);
                    break;
                case '|' or '^' or '$':
                    _output.Append(c);
                    _atom = NoAtom;
                    break;
                case '.':
                    Atom(".");
                    break;
                default:
                    Atom(Literal(c));
                    break;
            }
        }

        if (_groups.Count > 0)
        {
            throw Fault("has a group that is not closed");
        }
    }

    private void Atom(string expression)
    {
        _atom = _output.Length;
        _output.Append(expression);
    }

    private string Literal(char c)
    {
        Name(c, c);
        string spelled = Spell(c);

        // The long s is an s where case does not count; the framework's case table leaves it out.
        return _ignoreCase && c is 's' or 'S' ? $@"[{spelled}\u017F]" : spelled;
    }

    private void Name(char first, char last)
    {
        if (char.IsSurrogate(first) || char.IsSurrogate(last))
        {
            throw Fault("names a character outside the basic plane, which is not supported");
        }

        _named.Add((first, last));
    }

    private static string Spell(char c) => char.IsAsciiLetterOrDigit(c)
        ? c.ToString()
        : string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");

    private string Escape()
    {
        char c = Next();
        return c switch
        {
            'w' => $"[{Word}]",
            'W' => $"[^{Word}]",
            'b' => $"(?:(?<=[{Word}])(?![{Word}])|(?<![{Word}])(?=[{Word}]))",
            'B' => $"(?:(?<=[{Word}])(?=[{Word}])|(?<![{Word}])(?![{Word}]))",
            'A' or 'z' or 'Z' or 'd' or 'D' or 's' or 'S' => $"\\{c}",
            'p' or 'P' => Property(c),
            _ => Literal(EscapedCharacter(c)),
        };
    }

    private char EscapedCharacter(char c) => c switch
    {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'f' => '\f',
        'v' => '\v',
        'a' => '\a',
        'e' => '\e',
        'x' => Peek() == '{' ? Hexadecimal(Braced()) : Hexadecimal(Take(2)),
        'u' => Hexadecimal(Take(4)),
        _ when char.IsAsciiLetterOrDigit(c) => throw Fault($"has the escape '\\{c}', which is not supported"),
        _ => c,
    };

    private char Hexadecimal(string digits) =>
        ushort.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort value)
            ? (char)value
            : throw Fault($"names the character '{digits}', where hexadecimal digits up to FFFF are supported");

    private string Property(char kind)
    {
        string name = Peek() == '{' ? Braced() : throw Fault("has a property without braces");
        bool negated = kind == 'P';
        if (name.StartsWith('^'))
        {
            name = name[1..];
            negated = !negated;
        }

        return Categories.Contains(name)
            ? $"\\{(negated ? 'P' : 'p')}{{{name}}}"
            : throw Fault($"names the property '{name}', where general categories such as L or Nd are supported");
    }

    private string Set()
    {
        var set = new StringBuilder("[");
        bool longS = false;
        if (Peek() == '^')
        {
            _position++;
            set.Append('^');
        }

        bool empty = true;
        for (char c = Next(); c != ']' || empty; c = Next())
        {
            if (c == ']' || c == '[' || (c == '&' && Peek() == '&'))
            {
                throw Fault("has a set within a set, an intersection or an empty set, which are not supported");
            }

            empty = false;
            if (c == '\\' && Peek() is 'w' or 'd' or 'D' or 's' or 'S' or 'p' or 'P')
            {
                char kind = Next();
                set.Append(kind switch { 'w' => Word, 'p' or 'P' => Property(kind), _ => $"\\{kind}" });
                continue;
            }

            char first = Member(c);
            char last = first;
            if (Peek() == '-' && _position + 1 < _pattern.Length && _pattern[_position + 1] != ']')
            {
                _position++;
                last = Member(Next());
            }

            if (last < first)
            {
                throw Fault("has a range whose end is before its start");
            }

            Name(first, last);
            set.Append(Spell(first)).Append(last > first ? "-" + Spell(last) : "");
            longS |= (first <= 's' && last >= 's') || (first <= 'S' && last >= 'S');
        }

        return set.Append(_ignoreCase && longS ? @"\u017F]" : "]").ToString();
    }

    private char Member(char c)
    {
        if (c != '\\')
        {
            return c is '[' or ']' ? throw Fault("has a range without an end") : c;
        }

        c = Next();
        return c is 'w' or 'W' or 'd' or 'D' or 's' or 'S' or 'p' or 'P' or 'b'
            ? throw Fault($"has '\\{c}' in a set where it is not supported")
            : EscapedCharacter(c);
    }

    private void OpenGroup()
    {
        int start = _output.Length;
        bool outer = _ignoreCase;
        string opening = "(?:";
        if (Peek() == '?')
        {
            opening = GroupOpenings.FirstOrDefault(
                known => string.CompareOrdinal(_pattern, _position - 1, known, 0, known.Length) == 0)
                ?? throw Fault("has a group of a kind that is not supported");
            _position += opening.Length - 1;
        }

        _output.Append(opening);
        _atom = NoAtom;
        _ignoreCase = opening.Contains('i') ? !opening.Contains('-') : outer;
        if (opening[^1] != ')')
        {
            _groups.Push((start, outer));
        }
    }

    private static readonly string[] GroupOpenings =
        ["(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?-i:", "(?i)", "(?-i)"];

    private void CloseGroup()
    {
        if (!_groups.TryPop(out (int Start, bool IgnoreCase) group))
        {
            throw Fault("closes a group that was not opened");
        }

        _output.Append(')');
        (_atom, _ignoreCase) = group;
    }

    /// <summary>The repetition whose brace was just read, or null if the brace is a character.</summary>
    private string? Repetition()
    {
        int end = _pattern.IndexOf('}', _position);
        string[] bounds = end < 0 ? [] : _pattern[_position..end].Split(',');
        if (bounds.Length is 0 or > 2 || bounds.All(bound => bound.Length == 0)
            || !bounds.All(bound => bound.All(char.IsAsciiDigit)))
        {
            return null;
        }

        _position = end + 1;
        if (Peek() == '+' || (Peek() == '?' && bounds.Length == 1))
        {
            throw Fault($"has a repetition followed by '{Peek()}', which is not supported");
        }

        return bounds.Length == 1
            ? $"{{{bounds[0]}}}"
            : $"{{{(bounds[0].Length > 0 ? bounds[0] : "0")},{bounds[1]}}}";
    }

    private void Quantifier(string quantifier)
    {
        if (_atom == NoAtom)
        {
            throw Fault($"repeats nothing or a repetition at '{quantifier}'");
        }

        _output.Append(quantifier);
        if (Peek() == '?')
        {
            _position++;
            _output.Append('?');
        }
        else if (Peek() == '+' && quantifier.Length == 1)
        {
            // Possessive: once matched, never given back.
            _position++;
            _output.Insert(_atom, "(?>").Append(')');
        }

        _atom = NoAtom;
    }

    private char? Peek() => _position < _pattern.Length ? _pattern[_position] : null;

    private char Next() => Peek() is char c && _position++ >= 0 ? c : throw Fault("ends too early");

    private string Take(int count)
    {
        string text = _pattern.Substring(_position, Math.Min(count, _pattern.Length - _position));
        _position += text.Length;
        return text;
    }

    private string Braced()
    {
        int end = _pattern.IndexOf('}', _position);
        string text = end < 0 ? throw Fault("has a brace that is not closed") : _pattern[(_position + 1)..end];
        _position = end + 1;
        return text;
    }

    private CheckpointFormatException Fault(string reason) =>
        _settings.Fault($"the pattern '{_pattern}' {reason} (at character {_position}); "
            + "use a tokenizer of a supported family");
}
