using System.Text;

namespace Interfuse.Merging.Search;

/// <summary>The end of what a process prints; the rest is forgotten, however much it is.</summary>
internal sealed class OutputTail
{
    private const int MaxLength = 8192;

    private readonly StringBuilder _text = new();

    /// <summary>What was kept so far.</summary>
    public string Text
    {
        get
        {
            lock (_text)
            {
                return _text.ToString();
            }
        }
    }

    /// <summary>The last line with more than blanks, or an empty text.</summary>
    public string LastLine => Text.Split('\n').LastOrDefault(line => !string.IsNullOrWhiteSpace(line))?.Trim() ?? "";

    /// <summary>Reads to the end.</summary>
    public async Task ReadAsync(TextReader reader)
    {
        char[] buffer = new char[MaxLength];
        int read;
        while ((read = await reader.ReadAsync(buffer).ConfigureAwait(false)) > 0)
        {
            lock (_text)
            {
                _text.Append(buffer, 0, read);
                _text.Remove(0, Math.Max(0, _text.Length - MaxLength));
            }
        }
    }
}
