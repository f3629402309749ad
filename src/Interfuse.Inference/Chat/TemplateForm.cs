using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Interfuse.Inference.Chat;

/// <summary>
/// A chat template brought to one spelling, so that templates that print the same by the rules of Jinja are the same
/// text: white space within tags, quotes, <c>a.b</c> for <c>a['b']</c>, comments, what is trimmed around tags.
/// </summary>
/// <remarks>
/// White space around tags is treated as transformers does: <c>trim_blocks</c> and <c>lstrip_blocks</c>. Two things that
/// differ between models and change no rule are taken out: the text of an exception, and the default system prompt of
/// ChatML templates, which is kept beside the form.
/// </remarks>
internal sealed partial class TemplateForm
{
    private const string Start = "<|im_start|>system\\n";
    private const string End = "<|im_end|>\\n";
    private readonly StringBuilder _form = new();

    private TemplateForm(string template) => Read(template.EndsWith('\n') ? template[..^1] : template);

    /// <summary>The system prompt that the template puts in where a conversation has none, if it has one.</summary>
    public string? DefaultSystem { get; private set; }

    /// <summary>What tells forms apart: the first 16 hexadecimal digits of the form's SHA-256.</summary>
    public string Fingerprint { get; private set; } = "";

    /// <summary>Brings a template to its form.</summary>
    public static TemplateForm Of(string template)
    {
        var result = new TemplateForm(template.Replace("\r\n", "\n", StringComparison.Ordinal));
        string form = Exception().Replace(result._form.ToString(), "raise_exception()");
        if (DefaultPrompt().Match(form) is { Success: true } match)
        {
            string prompt = match.Groups[1].Value;
            result.DefaultSystem = Unspell(prompt);
            form = form.Replace(Start + prompt + End, Start + "?" + End, StringComparison.Ordinal)
                .Replace($"'{prompt}'", "'?'", StringComparison.Ordinal);
        }

        result.Fingerprint = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(form)))[..16];
        return result;
    }

    [GeneratedRegex(@"raise_exception\('(?:[^'\\]|\\.)*'\)")]
    private static partial Regex Exception();

    [GeneratedRegex(@"'<\|im_start\|>system\\n((?:[^'\\<]|\\.)+)<\|im_end\|>\\n'")]
    private static partial Regex DefaultPrompt();

    private void Read(string template)
    {
        int position = 0;
        bool trimLeft = false;
        bool afterBlock = false;
        while (position < template.Length)
        {
            int open = NextTag(template, position);
            string text = template[position..open];
            text = trimLeft ? text.TrimStart() : text;
            text = afterBlock && text.StartsWith('\n') && !trimLeft ? text[1..] : text;
            if (open == template.Length)
            {
                AddText(text);
                return;
            }

            char kind = template[open + 1];
            bool trimRight = open + 2 < template.Length && template[open + 2] == '-';
            AddText(trimRight ? text.TrimEnd() : kind == '{' ? text : TrimLine(text, template, open));

            string closing = kind switch { '{' => "}}", '%' => "%}", _ => "#}" };
            int inner = open + (trimRight ? 3 : 2);
            int close = Close(template, inner, kind, closing);
            trimLeft = close > inner && template[close - 1] == '-';
            if (kind != '#')
            {
                _form.Append('\u0001').Append(kind).Append(JinjaTokens.Spell(template[inner..(trimLeft ? close - 1 : close)]));
            }

            afterBlock = kind != '{';
            position = Math.Min(template.Length, close + 2);
        }
    }

    private static int NextTag(string template, int from)
    {
        for (int i = from; i + 1 < template.Length; i++)
        {
            if (template[i] == '{' && template[i + 1] is '{' or '%' or '#')
            {
                return i;
            }
        }

        return template.Length;
    }

    /// <summary>White space between the start of a line and a block's tag is not printed.</summary>
    private static string TrimLine(string text, string template, int open)
    {
        string trimmed = text.TrimEnd(' ', '\t');
        int before = open - (text.Length - trimmed.Length);
        return before == 0 || template[before - 1] == '\n' ? trimmed : text;
    }

    private static int Close(string template, int from, char kind, string closing)
    {
        char quote = '\0';
        for (int i = from; i < template.Length; i++)
        {
            char c = template[i];
            if (quote != '\0')
            {
                i += c == '\\' ? 1 : 0;
                quote = c == quote ? '\0' : quote;
            }
            else if (kind != '#' && c is '\'' or '"')
            {
                quote = c;
            }
            else if (string.CompareOrdinal(template, i, closing, 0, 2) == 0)
            {
                return i;
            }
        }

        return template.Length;
    }

    private void AddText(string text)
    {
        if (text.Length > 0)
        {
            _form.Append("\u0001=").Append(JinjaTokens.Quote(text));
        }
    }

    private static string Unspell(string text) => text.Replace("\\n", "\n", StringComparison.Ordinal)
        .Replace("\\'", "'", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal);
}
