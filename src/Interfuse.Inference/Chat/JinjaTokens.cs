using System.Text;

namespace Interfuse.Inference.Chat;

/// <summary>Brings what stands within a tag of a Jinja template to one spelling.</summary>
internal static class JinjaTokens
{
    /// <summary>The tokens with one spelling for quotes, members, and texts that are added to texts.</summary>
    public static string Spell(string code)
    {
        List<string> tokens = Fold(Members(Split(code)));
        var result = new StringBuilder();
        foreach (string token in tokens)
        {
            if (result.Length > 0 && IsWord(result[^1]) && IsWord(token[0]))
            {
                result.Append(' ');
            }

            result.Append(token);
        }

        return result.ToString();
    }

    /// <summary>A text in single quotes, with escapes.</summary>
    public static string Quote(string text) => "'" + text.Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("'", "\\'", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal) + "'";

    private static bool IsWord(char c) => char.IsLetterOrDigit(c) || c == '_';

    private static List<string> Split(string code)
    {
        var tokens = new List<string>();
        for (int i = 0; i < code.Length;)
        {
            int start = i;
            if (char.IsWhiteSpace(code[i]))
            {
                i++;
            }
            else if (code[i] is '\'' or '"')
            {
                tokens.Add(Quote(Text(code, ref i)));
            }
            else if (IsWord(code[i]))
            {
                while (i < code.Length && IsWord(code[i]))
                {
                    i++;
                }

                tokens.Add(code[start..i]);
            }
            else
            {
                i += i + 1 < code.Length && code[i + 1] == '=' && code[i] is '=' or '!' or '<' or '>' ? 2 : 1;
                tokens.Add(code[start..Math.Min(i, code.Length)]);
            }
        }

        return tokens;
    }

    private static string Text(string code, ref int i)
    {
        char quote = code[i++];
        var text = new StringBuilder();
        while (i < code.Length && code[i] != quote)
        {
            if (code[i] == '\\' && i + 1 < code.Length)
            {
                i++;
                text.Append(code[i] switch
                {
                    'n' => "\n",
                    't' => "\t",
                    'r' => "\r",
                    '\\' or '\'' or '"' => code[i].ToString(),
                    _ => "\\" + code[i],
                });
            }
            else
            {
                text.Append(code[i]);
            }

            i++;
        }

        i++;
        return text.ToString();
    }

    /// <summary><c>a.b</c> is <c>a['b']</c>, unless it is called.</summary>
    private static List<string> Members(List<string> tokens)
    {
        var result = new List<string>();
        for (int i = 0; i < tokens.Count; i++)
        {
            bool member = tokens[i] == "." && i > 0 && i + 1 < tokens.Count && char.IsLetter(tokens[i + 1][0])
                && !(i + 2 < tokens.Count && tokens[i + 2] == "(");
            if (member)
            {
                result.AddRange(["[", Quote(tokens[++i]), "]"]);
            }
            else
            {
                result.Add(tokens[i]);
            }
        }

        return result;
    }

    /// <summary>Two texts that are added are one, where nothing before or after binds closer.</summary>
    private static List<string> Fold(List<string> tokens)
    {
        var result = new List<string>();
        for (int i = 0; i < tokens.Count; i++)
        {
            bool folds = tokens[i][0] == '\'' && result.Count > 1 && result[^1] == "+" && result[^2][0] == '\''
                && (result.Count == 2 || result[^3] is "+" or "(" or "=" or ",")
                && !(i + 1 < tokens.Count && tokens[i + 1] is "|" or "[" or "." or "%" or "*" or "is" or "in");
            if (folds)
            {
                result.RemoveAt(result.Count - 1);
                result[^1] = result[^1][..^1] + tokens[i][1..];
            }
            else
            {
                result.Add(tokens[i]);
            }
        }

        return result;
    }
}
