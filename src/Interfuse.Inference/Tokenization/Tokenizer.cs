using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Interfuse.Checkpoints;

namespace Interfuse.Inference.Tokenization;

/// <summary>
/// A model's tokenizer: byte-pair encoding as <c>tokenizer.json</c> describes it, byte-level (GPT-2, Llama 3, Qwen) or
/// SentencePiece-style with byte fallback (Llama 2, Mistral).
/// </summary>
/// <remarks>
/// Tokens are those of Hugging Face's tokenizers library. An instance is safe for any number of threads.
/// </remarks>
public sealed class Tokenizer
{
    private const string FileName = "tokenizer.json";

    private readonly Vocabulary _vocabulary;
    private readonly BytePairModel _model;
    private readonly Dictionary<int, AddedToken> _addedById;
    private readonly Dictionary<string, int> _addedIds;
    private readonly AddedTokens _addedAsGiven;
    private readonly AddedTokens _addedNormalized;
    private readonly Func<string, string>? _normalizer;
    private readonly PreTokenizer? _preTokenizer;
    private readonly PostProcessor _postProcessor;
    private readonly TextDecoder _decoder;
    private readonly DecoderStep[] _ownSteps;

    private Tokenizer(JsonElement root, TokenizerSettings settings, SpecialTokens special)
    {
        JsonElement model = TokenizerSettings.Optional(root, "model")
            ?? throw settings.Fault("has no model, so it has no vocabulary; download the file again");
        (_vocabulary, _model) = BytePairReader.Read(model, settings);
        List<AddedToken> added = AddedTokensReader.Read(root, _vocabulary, settings);
        _addedById = added.ToDictionary(token => token.Id);
        _addedIds = added.ToDictionary(token => token.Content, token => token.Id);
        VocabularySize = Math.Max(_vocabulary.Size, added.Select(token => token.Id + 1).DefaultIfEmpty(0).Max());

        _normalizer = Normalizer.Read(TokenizerSettings.Optional(root, "normalizer"), settings);
        _preTokenizer = PreTokenizer.Read(TokenizerSettings.Optional(root, "pre_tokenizer"), settings);
        _decoder = TextDecoder.Read(TokenizerSettings.Optional(root, "decoder"), settings);
        _ownSteps = _decoder.Start();

        ILookup<bool, AddedToken> byKind = added.ToLookup(token => token.Normalized);
        _addedAsGiven = new AddedTokens(byKind[false].Select(token => (token.Content, token)));
        _addedNormalized = new AddedTokens(byKind[true].Select(token => (Normalize(token.Content), token)));

        BeginOfText = Named(special.Begin, "bos_token", settings);
        int? end = Named(special.End, "eos_token", settings);
        EndOfText = [.. special.EndIds.Concat(end is int id ? [id] : []).Distinct()];
        PostProcessor described =
            PostProcessor.Read(TokenizerSettings.Optional(root, "post_processor"), settings);
        _postProcessor = special.AddBegin is null && special.AddEnd is null
            ? described
            : new PostProcessor(
                special.AddBegin != false && BeginOfText is int begin ? [begin] : [],
                special.AddEnd == true && end is int last ? [last] : []);
        CheckAddedByPostProcessor(settings);
    }

    /// <summary>One more than the highest id of a token. Ids may have gaps, and models more rows than this.</summary>
    public int VocabularySize { get; }

    /// <summary>The token that begins a text, if the model has one.</summary>
    public int? BeginOfText { get; }

    /// <summary>
    /// The tokens that end a generation: those of <c>generation_config.json</c> (or else <c>config.json</c>), and the
    /// tokenizer's own.
    /// </summary>
    public IReadOnlyList<int> EndOfText { get; }

    /// <summary>Reads <c>tokenizer.json</c> and what the files beside it say of special tokens.</summary>
    /// <param name="directory">A model directory.</param>
    /// <exception cref="CheckpointFormatException">
    /// There is no such file, it is broken, or it describes a tokenizer of another kind.
    /// </exception>
    public static Tokenizer Load(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        var settings = new TokenizerSettings(Path.Combine(directory, FileName));
        if (!File.Exists(settings.Path))
        {
            throw settings.Fault("does not exist, and a model runs only with its tokenizer; copy it from the model's "
                + "source (a tokenizer.model alone is not enough)");
        }

        var special = SpecialTokens.Read(directory);
        return settings.Read(root => new Tokenizer(root, settings, special));
    }

    /// <summary>The tokens of a text. Special tokens that are spelled out in it are found.</summary>
    /// <param name="text">Any text; a lone surrogate counts as U+FFFD.</param>
    /// <param name="addSpecialTokens">
    /// Whether what the model expects around a text is added, such as its beginning.
    /// </param>
    /// <exception cref="CheckpointFormatException">A pattern of the tokenizer found no end on this text.</exception>
    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = WellFormed(text);
        var tokens = new List<int>();
        BytePairMerger merger = _model.CreateMerger();
        foreach (AddedTokenPart part in _addedAsGiven.Split(text))
        {
            if (part.Token is AddedToken token)
            {
                tokens.Add(token.Id);
            }
            else
            {
                EncodeNormalized(Normalize(text[part.Start..part.End]), part.Start == 0, merger, tokens);
            }
        }

        return addSpecialTokens ? [.. _postProcessor.Before, .. tokens, .. _postProcessor.After] : [.. tokens];
    }

    /// <summary>The text of tokens. Bytes that are no characters become U+FFFD; unknown ids have no text.</summary>
    /// <param name="tokens">Token ids, from 0 to 2^24 - 1.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is below 0, or not below 2^24.</exception>
    /// <remarks>Spaces before punctuation stay (<c>clean_up_tokenization_spaces</c> is not followed).</remarks>
    public string Decode(ReadOnlySpan<int> tokens, bool skipSpecialTokens = true)
    {
        StreamingDecoder stream = StartDecoding(skipSpecialTokens);
        var text = new StringBuilder();
        foreach (int id in tokens)
        {
            text.Append(stream.Append(id));
        }

        return text.Append(stream.Finish()).ToString();
    }

    /// <summary>A decoder for tokens that come one at a time.</summary>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public StreamingDecoder StartDecoding(bool skipSpecialTokens = true) => new(this, _decoder.Start(), skipSpecialTokens);

    /// <summary>The id of a token, or null if there is no such token.</summary>
    /// <param name="token">The token as <c>tokenizer.json</c> spells it, for example <c>Ġthe</c>.</param>
    public int? TokenId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return _addedIds.TryGetValue(token, out int id) ? id : _vocabulary.Id(token);
    }

    /// <summary>The token with this id as <c>tokenizer.json</c> spells it, or null if no token has it.</summary>
    public string? IdToToken(int id) =>
        _addedById.TryGetValue(id, out AddedToken? token) ? token.Content : _vocabulary.Token(id);

    /// <summary>The bytes of UTF-8 that a token stands for in the middle of a text: perhaps a part of a character only. Special
    /// tokens stand for what they are called, and unknown ids for nothing.</summary>
    public byte[] TokenBytes(int id)
    {
        if (IdToToken(id) is not string text)
        {
            return [];
        }

        foreach (DecoderStep step in _ownSteps)
        {
            if (step.OwnBytes(text) is not byte[] bytes)
            {
                text = step.OwnText(text);
            }
            else if (Utf8.IsValid(bytes))
            {
                text = Encoding.UTF8.GetString(bytes);
            }
            else
            {
                return bytes;
            }
        }

        return Encoding.UTF8.GetBytes(text);
    }

    /// <summary>Whether the token steers the model and is no part of a text.</summary>
    public bool IsSpecial(int id) => _addedById.TryGetValue(id, out AddedToken? token) && token.Special;

    private string Normalize(string text) => _normalizer is null ? text : _normalizer(text);

    private void EncodeNormalized(string text, bool atStart, BytePairMerger merger, List<int> tokens)
    {
        var words = new List<Piece>();
        foreach (AddedTokenPart part in _addedNormalized.Split(text))
        {
            if (part.Token is AddedToken token)
            {
                tokens.Add(token.Id);
                continue;
            }

            var piece = new Piece(text.AsMemory(part.Start, part.End - part.Start), atStart && part.Start == 0);
            words.Clear();
            if (_preTokenizer is null)
            {
                words.Add(piece);
            }
            else
            {
                _preTokenizer.Split(piece, words);
            }

            foreach (Piece word in words)
            {
                _model.Encode(word.Text.Span, merger, tokens);
            }
        }
    }

    private int? Named(string? token, string name, TokenizerSettings settings) => token is null
        ? null
        : TokenId(token) ?? throw settings.Fault(
            $"has no token '{token}', which {SpecialTokens.ConfigFile} or special_tokens_map.json names as {name}; "
            + "take all files from the same model");

    private void CheckAddedByPostProcessor(TokenizerSettings settings)
    {
        foreach (int id in _postProcessor.Before.Concat(_postProcessor.After))
        {
            if (IdToToken(id) is null)
            {
                throw settings.Fault($"adds the token {id} to every text, and there is no such token; "
                    + "download the file again");
            }
        }
    }

    private static string WellFormed(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            return text;
        }

        var result = new StringBuilder(text.Length);
        foreach (Rune character in text.EnumerateRunes())
        {
            result.Append(character.ToString());
        }

        return result.ToString();
    }
}
