using System.Globalization;

namespace Interfuse.Inference.Tokenization;

/// <summary>Unicode's tables of decomposition, composition and combining classes.</summary>
/// <remarks>
/// The framework leaves text as it is where it runs without culture data, as it does here, so the tables are kept with
/// the engine: <c>UnicodeNormalization.txt</c>, made by <c>unicode_normalization.py</c> beside it.
/// </remarks>
internal sealed class UnicodeTables
{
    private static readonly Lazy<UnicodeTables> Loaded = new(() => new UnicodeTables());

    private readonly Dictionary<int, int[]> _canonical = [];
    private readonly Dictionary<int, int[]> _compatible = [];
    private readonly Dictionary<(int First, int Second), int> _compositions = [];
    private readonly Dictionary<int, byte> _classes = [];

    private UnicodeTables()
    {
        using Stream stream = typeof(UnicodeTables).Assembly.GetManifestResourceStream("UnicodeNormalization.txt")!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is string line)
        {
            if (!line.StartsWith('#'))
            {
                Add(line[0], line[2..].Split(' '));
            }
        }
    }

    /// <summary>The one instance, read when first asked for.</summary>
    public static UnicodeTables Instance => Loaded.Value;

    /// <summary>The full decomposition, or null if the character is its own.</summary>
    public int[]? Decomposition(int codePoint, bool compatible) =>
        (compatible && _compatible.TryGetValue(codePoint, out int[]? parts))
        || _canonical.TryGetValue(codePoint, out parts)
            ? parts
            : null;

    /// <summary>What two characters compose to, or null if they stay two.</summary>
    public int? Composition(int first, int second) =>
        _compositions.TryGetValue((first, second), out int composed) ? composed : null;

    /// <summary>The canonical combining class; 0 for a starter.</summary>
    public byte CombiningClass(int codePoint) => _classes.GetValueOrDefault(codePoint);

    private void Add(char kind, string[] fields)
    {
        int[] points =
        [
            .. fields.Select(field => int.Parse(field, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)),
        ];
        switch (kind)
        {
            case 'D':
                _canonical[points[0]] = points[1..];
                break;
            case 'K':
                _compatible[points[0]] = points[1..];
                break;
            case 'C':
                _compositions[(points[0], points[1])] = points[2];
                break;
            case 'R':
                byte rank = byte.Parse(fields[2], CultureInfo.InvariantCulture);
                for (int point = points[0]; point <= points[1]; point++)
                {
                    _classes[point] = rank;
                }

                break;
        }
    }
}
