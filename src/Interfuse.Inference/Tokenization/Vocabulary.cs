namespace Interfuse.Inference.Tokenization;

/// <summary>Tokens and their ids, both ways. Ids may have gaps.</summary>
internal sealed class Vocabulary
{
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _bySpan;
    private readonly string?[] _tokens;

    /// <summary>Takes the tokens over.</summary>
    /// <param name="ids">Every token with its id; ids are at least 0.</param>
    /// <param name="clash">Makes the error about an id that two tokens have.</param>
    public Vocabulary(Dictionary<string, int> ids, Func<int, string, string, Exception> clash)
    {
        _ids = ids;
        _bySpan = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _tokens = new string?[ids.Count == 0 ? 0 : ids.Values.Max() + 1];
        foreach ((string token, int id) in ids)
        {
            _tokens[id] = _tokens[id] is string other ? throw clash(id, other, token) : token;
        }
    }

    /// <summary>One more than the highest id.</summary>
    public int Size => _tokens.Length;

    public string? Token(int id) => (uint)id < (uint)_tokens.Length ? _tokens[id] : null;

    public bool TryGetId(ReadOnlySpan<char> token, out int id) => _bySpan.TryGetValue(token, out id);

    public int? Id(string token) => _ids.TryGetValue(token, out int id) ? id : null;
}
