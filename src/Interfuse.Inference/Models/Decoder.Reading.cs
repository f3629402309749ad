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

/// <summary>Takes the logits that follow a token. It may end sequences, and may not read with the same decoder.</summary>
/// <param name="reading">Which of the readings the token is of.</param>
/// <param name="token">Which of its tokens.</param>
/// <param name="logits">A score for each token that may follow it; valid until the handler returns.</param>
public delegate void LogitsHandler(int reading, int token, ReadOnlySpan<float> logits);

public sealed partial class Decoder
{
    // Rows of logits that are computed at a time.
    private const int LogitRows = 64;

    // Used again by every call, so that going on with the same sequences allocates nothing.
    private readonly List<Reading> _steps = [];
    private readonly List<DecoderToken> _tokens = [];
    private readonly List<int> _wanted = [];
    private readonly List<DecoderToken> _owners = [];
    private long[] _order = [];
    private float[] _logits = [];
    private long _reads;

    // What is done with a pass.
    private interface IPassHandler
    {
        // Takes the vectors [T, hidden] of the tokens.
        void Take(ReadOnlySpan<DecoderToken> tokens, DeviceSpan hidden);
    }

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

        CheckIdle();
        _steps.Clear();
        for (int i = 0; i < sequences.Count; i++)
        {
            _steps.Add(new Reading(sequences[i], tokens.Slice(i, 1)));
        }

        Forward(_steps, isPrompt: false, handler);
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

    private void Forward(IReadOnlyList<Reading> batch, bool isPrompt, LogitsHandler handler) =>
        ForEachPass(batch, isPrompt, _layers.Count, new LogitsPass(this, batch, isPrompt, handler));

    // Reads a batch and gives the vectors after some layers of each pass.
    private void ForEachPass<THandler>(IReadOnlyList<Reading> batch, bool isPrompt, int depth, THandler handler)
        where THandler : IPassHandler
    {
        CheckIdle();
        int pages = Check(batch);
        _cache.Reserve(pages);
        ListTokens(batch);
        int first = 0;
        try
        {
            for (; first < _tokens.Count; first += MaxPassTokens)
            {
                int count = Math.Min(MaxPassTokens, _tokens.Count - first);
                ReadOnlySpan<DecoderToken> part = CollectionsMarshal.AsSpan(_tokens).Slice(first, count);
                _pass.Begin(part, isPrompt);
                handler.Take(part, Run(_pass, part, depth));
            }
        }
        catch
        {
            Unread(batch, CollectionsMarshal.AsSpan(_tokens)[first..]);
            throw;
        }
        finally
        {
            // Sequences that are over are not kept.
            _tokens.Clear();
            _owners.Clear();
            _steps.Clear();
        }
    }

    private void CheckIdle()
    {
        if (_tokens.Count > 0)
        {
            throw new InvalidOperationException("Who is given logits may not read with the same decoder meanwhile.");
        }
    }

    // Gives the tokens their places, those of one mixture one after the other.
    private void ListTokens(IReadOnlyList<Reading> batch)
    {
        if (_order.Length < batch.Count)
        {
            _order = new long[batch.Count];
        }

        for (int i = 0; i < batch.Count; i++)
        {
            _order[i] = ((long)batch[i].Sequence.Number << 32) | (uint)i;
        }

        Array.Sort(_order, 0, batch.Count);
        _tokens.Clear();
        for (int i = 0; i < batch.Count; i++)
        {
            int number = (int)_order[i];
            Reading reading = batch[number];
            DecoderSequence sequence = reading.Sequence;
            int start = sequence.Length;
            sequence.Advance(reading.Tokens.Length);
            int textLength = Math.Max(sequence.Length, reading.TextLength);
            ReadOnlySpan<int> ids = reading.Tokens.Span;
            for (int token = 0; token < ids.Length; token++)
            {
                _tokens.Add(new DecoderToken(sequence, ids[token], start + token, textLength, number, token));
            }
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

    // The logits of some tokens of a pass, LogitRows at most.
    private void GiveLogits(
        ReadOnlySpan<DecoderToken> tokens, DeviceSpan hidden, ReadOnlySpan<int> rows, bool isPrompt, LogitsHandler handler)
    {
        int size = Config.HiddenSize;
        DeviceSpan chosen = _activations.Take("chosen", (long)rows.Length * size);
        _owners.Clear();
        for (int i = 0; i < rows.Length;)
        {
            // Rows that follow one another in one piece.
            int first = i;
            do
            {
                _owners.Add(tokens[rows[i++]]);
            }
            while (i < rows.Length && rows[i] == rows[i - 1] + 1);

            long length = (i - first) * (long)size;
            _queue.Copy(hidden.Slice((long)rows[first] * size, length), chosen.Slice((long)first * size, length));
        }

        _pass.Begin(CollectionsMarshal.AsSpan(_owners), isPrompt);
        Norm(_pass, chosen, _norm, size, chosen);
        DeviceSpan logits = _activations.Take("logits", (long)rows.Length * Config.VocabularySize);
        _head.Apply(_pass, chosen, logits);
        if (_logits.Length < logits.Length)
        {
            _logits = GC.AllocateUninitializedArray<float>((int)logits.Length);
        }

        _queue.Download(logits, MemoryMarshal.AsBytes(_logits.AsSpan(0, (int)logits.Length)));
        for (int i = 0; i < rows.Length; i++)
        {
            DecoderToken owner = _owners[i];
            handler(owner.Reading, owner.Index, _logits.AsSpan(i * Config.VocabularySize, Config.VocabularySize));
        }
    }

    // Refuses a batch that can't be read, and tells how many pages it needs.
    private int Check(IReadOnlyList<Reading> batch)
    {
        _reads++;
        int pages = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            (DecoderSequence sequence, ReadOnlyMemory<int> tokens, _) = batch[i];
            ObjectDisposedException.ThrowIf(sequence.IsDisposed, sequence);
            if (sequence.Decoder != this || sequence.LastRead == _reads || tokens.Length == 0)
            {
                throw new ArgumentException(
                    "A batch has each sequence of this decoder at most once, with one token or more.", nameof(batch));
            }

            sequence.LastRead = _reads;
            CheckTokens(tokens.Span, sequence.Length);
            pages = checked(pages + sequence.PagesMissing(tokens.Length));
        }

        return pages;
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

    // Gives the logits that are wanted of a pass.
    private readonly struct LogitsPass(Decoder decoder, IReadOnlyList<Reading> batch, bool isPrompt, LogitsHandler handler)
        : IPassHandler
    {
        public void Take(ReadOnlySpan<DecoderToken> tokens, DeviceSpan hidden)
        {
            List<int> wanted = decoder._wanted;
            wanted.Clear();
            for (int row = 0; row < tokens.Length; row++)
            {
                Reading reading = batch[tokens[row].Reading];
                if (reading.LogitsFrom != Reading.NoLogits
                    && tokens[row].Index >= Math.Min(reading.LogitsFrom, reading.Tokens.Length - 1))
                {
                    wanted.Add(row);
                }
            }

            for (int first = 0; first < wanted.Count; first += LogitRows)
            {
                int count = Math.Min(LogitRows, wanted.Count - first);
                decoder.GiveLogits(
                    tokens, hidden, CollectionsMarshal.AsSpan(wanted).Slice(first, count), isPrompt, handler);
            }
        }
    }
}
