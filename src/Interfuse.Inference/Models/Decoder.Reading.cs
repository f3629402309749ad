using System.Runtime.InteropServices;
using Interfuse.Compute;

namespace Interfuse.Inference.Models;

/// <summary>Tokens for a sequence to read.</summary>
/// <param name="Sequence">The sequence.</param>
/// <param name="Tokens">Its next tokens, one or more.</param>
/// <param name="LogitsFrom">The first of them whose logits are wanted; those of the last always are, but for
/// <see cref="Reading.NoLogits"/>.</param>
public readonly record struct Reading(DecoderSequence Sequence, ReadOnlyMemory<int> Tokens, int LogitsFrom = int.MaxValue)
{
    /// <summary>The <see cref="LogitsFrom"/> of a part whose logits nobody wants, not even the last.</summary>
    public const int NoLogits = -1;

    /// <summary>The length of the text that the tokens are a part of, where more of it is known and will be read later; dynamic
    /// rotation goes by it. Less than what has been read then, such as 0, means that this is the text's end.</summary>
    public int TextLength { get; init; }
}

/// <summary>Takes the logits that follow a token.</summary>
/// <param name="reading">Which of the readings the token is of.</param>
/// <param name="token">Which of its tokens.</param>
/// <param name="logits">A score for each token that may follow it; valid until the handler returns.</param>
public delegate void LogitsHandler(int reading, int token, ReadOnlySpan<float> logits);

public sealed partial class Decoder
{
    // Rows of logits that are computed at a time.
    private const int LogitRows = 64;

    // Takes the vectors [T, hidden] of the tokens of a pass.
    private delegate void PassHandler(ReadOnlySpan<DecoderToken> tokens, DeviceSpan hidden);

    /// <summary>Reads prompts, or further parts of texts that are known beforehand.</summary>
    /// <param name="batch">What to read: any number of sequences, each once, of any lengths and mixtures.</param>
    /// <param name="handler">Is given the logits wanted, those of one reading in the order of its tokens.</param>
    /// <exception cref="InterfuseException">A token is not in the vocabulary, or a sequence gets longer than
    /// <see cref="DecoderConfig.ContextLength"/>; nothing has been read.</exception>
    /// <exception cref="OutOfDeviceMemoryException">The device is full. Sequences whose last logits have been given are read,
    /// the others are as they were before.</exception>
    public void Read(IReadOnlyList<Reading> batch, LogitsHandler handler)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(handler);
        Forward(batch, isPrompt: true, handler);
    }

    /// <summary>Reads one more token of each sequence, as a rule the one that was chosen by its logits.</summary>
    /// <param name="sequences">The sequences, each once.</param>
    /// <param name="tokens">A token for each.</param>
    /// <param name="handler">Is given the logits after each token.</param>
    /// <exception cref="InterfuseException">As for <see cref="Read"/>.</exception>
    /// <exception cref="OutOfDeviceMemoryException">As for <see cref="Read"/>.</exception>
    public void Step(IReadOnlyList<DecoderSequence> sequences, ReadOnlyMemory<int> tokens, LogitsHandler handler)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        ArgumentNullException.ThrowIfNull(handler);
        if (tokens.Length != sequences.Count)
        {
            throw new ArgumentException($"There are {tokens.Length} tokens for {sequences.Count} sequences.", nameof(tokens));
        }

        Reading[] batch = [.. sequences.Select((sequence, i) => new Reading(sequence, tokens.Slice(i, 1)))];
        Forward(batch, isPrompt: false, handler);
    }

    /// <summary>Refuses a text that could not be read from its beginning.</summary>
    /// <exception cref="ArgumentException">It is empty.</exception>
    /// <exception cref="InterfuseException">As for <see cref="Read"/>.</exception>
    internal void CheckText(ReadOnlySpan<int> tokens)
    {
        if (tokens.IsEmpty)
        {
            throw new ArgumentException("A prompt has one token or more.", nameof(tokens));
        }

        CheckTokens(tokens, 0);
    }

    private void Forward(IReadOnlyList<Reading> batch, bool isPrompt, LogitsHandler handler)
    {
        ForEachPass(batch, isPrompt, _layers.Count, (tokens, hidden) =>
        {
            var wanted = new List<int>();
            for (int row = 0; row < tokens.Length; row++)
            {
                Reading reading = batch[tokens[row].Reading];
                if (reading.LogitsFrom != Reading.NoLogits
                    && tokens[row].Index >= Math.Min(reading.LogitsFrom, reading.Tokens.Length - 1))
                {
                    wanted.Add(row);
                }
            }

            foreach (int[] rows in wanted.Chunk(LogitRows))
            {
                GiveLogits(tokens, hidden, rows, isPrompt, handler);
            }
        });
    }

    // Reads a batch and gives the vectors after some layers of each pass.
    private void ForEachPass(IReadOnlyList<Reading> batch, bool isPrompt, int depth, PassHandler handler)
    {
        Check(batch);
        _cache.Reserve(batch.Sum(reading => reading.Sequence.PagesMissing(reading.Tokens.Length)));

        // Those of one mixture one after the other.
        var tokens = new List<DecoderToken>();
        foreach (int number in Enumerable.Range(0, batch.Count).OrderBy(i => batch[i].Sequence.Number))
        {
            Reading reading = batch[number];
            int start = reading.Sequence.Length;
            reading.Sequence.Advance(reading.Tokens.Length);
            int textLength = Math.Max(reading.Sequence.Length, reading.TextLength);
            for (int i = 0; i < reading.Tokens.Length; i++)
            {
                tokens.Add(new DecoderToken(
                    reading.Sequence, reading.Tokens.Span[i], start + i, textLength, number, i));
            }
        }

        int first = 0;
        try
        {
            for (; first < tokens.Count; first += MaxPassTokens)
            {
                int count = Math.Min(MaxPassTokens, tokens.Count - first);
                ReadOnlySpan<DecoderToken> part = CollectionsMarshal.AsSpan(tokens).Slice(first, count);
                using DecoderPass pass = MakePass(part, isPrompt);
                handler(part, Run(pass, part, depth));
            }
        }
        catch
        {
            Unread(batch, CollectionsMarshal.AsSpan(tokens)[first..]);
            throw;
        }
    }

    // Sequences that have not been read to the end are as they were before.
    private static void Unread(IReadOnlyList<Reading> batch, ReadOnlySpan<DecoderToken> tokens)
    {
        int last = -1;
        foreach (DecoderToken token in tokens)
        {
            if (token.Reading != last)
            {
                last = token.Reading;
                batch[last].Sequence.Retreat(batch[last].Tokens.Length);
            }
        }
    }

    private DecoderPass MakePass(ReadOnlySpan<DecoderToken> tokens, bool isPrompt)
    {
        var pass = new DecoderPass(_queue, _scratch, tokens, _lastBatch, isPrompt, _rotation, Config.HeadLength);
        _lastBatch = pass.Batch;
        return pass;
    }

    private void GiveLogits(
        ReadOnlySpan<DecoderToken> tokens, DeviceSpan hidden, int[] rows, bool isPrompt, LogitsHandler handler)
    {
        int size = Config.HiddenSize;
        DeviceSpan chosen = _activations.Take("chosen", (long)rows.Length * size);
        var owners = new DecoderToken[rows.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            _queue.Copy(hidden.Slice((long)rows[i] * size, size), chosen.Slice((long)i * size, size));
            owners[i] = tokens[rows[i]];
        }

        using DecoderPass pass = MakePass(owners, isPrompt);
        Norm(pass, chosen, _norm, size, chosen);
        DeviceSpan logits = _activations.Take("logits", (long)rows.Length * Config.VocabularySize);
        _head.Apply(pass, chosen, logits);
        var values = new float[logits.Length];
        _queue.Download(logits, MemoryMarshal.AsBytes(values.AsSpan()));
        for (int i = 0; i < rows.Length; i++)
        {
            handler(
                owners[i].Reading, owners[i].Index, values.AsSpan(i * Config.VocabularySize, Config.VocabularySize));
        }
    }

    private void Check(IReadOnlyList<Reading> batch)
    {
        var seen = new HashSet<DecoderSequence>();
        foreach ((DecoderSequence sequence, ReadOnlyMemory<int> tokens, _) in batch)
        {
            ObjectDisposedException.ThrowIf(sequence.IsDisposed, sequence);
            if (sequence.Decoder != this || !seen.Add(sequence) || tokens.Length == 0)
            {
                throw new ArgumentException(
                    "A batch has each sequence of this decoder at most once, with one token or more.", nameof(batch));
            }

            CheckTokens(tokens.Span, sequence.Length);
        }
    }

    private void CheckTokens(ReadOnlySpan<int> tokens, int start)
    {
        foreach (int token in tokens)
        {
            if (token < 0 || token >= Config.VocabularySize)
            {
                throw new InterfuseException(
                    $"{Name}: there is no token {token}: the model's vocabulary has {Config.VocabularySize}. Its "
                    + "tokenizer belongs to another model.");
            }
        }

        if (tokens.Length > Config.ContextLength - start)
        {
            throw new InterfuseException(
                $"{Name}: a text of {(long)start + tokens.Length} tokens is longer than the model's context "
                + $"of {Config.ContextLength}; shorten it.");
        }
    }
}
