using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Inference.Models;

/// <summary>The tokens that go through the layers together, of any sequences and experts.</summary>
internal sealed class DecoderPass : IDisposable
{
    private readonly DeviceBuffer _words;
    private readonly DeviceBuffer _angles;

    /// <summary>Brings the tokens' places to the device.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="tokens">The tokens, those of one expert one after the other.</param>
    /// <param name="isPrompt">Whether they are prompts' tokens: those are multiplied by
    /// <c>DeviceQueue.MatMul</c>, single ones by <c>DeviceQueue.GatherMultiply</c>.</param>
    /// <param name="rotation">The angles of positions.</param>
    /// <param name="headLength">d.</param>
    public DecoderPass(
        DeviceQueue queue, ReadOnlySpan<DecoderToken> tokens, bool isPrompt, RotaryAngles rotation, int headLength)
    {
        Queue = queue;
        IsPrompt = isPrompt;
        Experts = new int[tokens.Length];
        for (int i = 0; i < tokens.Length; i++)
        {
            Experts[i] = tokens[i].Sequence.Expert;
        }

        Runs = FindRuns(Experts);
        (int[] words, int sequences) = Words(tokens);
        float[] angles = new float[tokens.Length * headLength];
        for (int i = 0; i < tokens.Length; i++)
        {
            rotation.Fill(tokens[i].Position, tokens[i].RotationLength, angles.AsSpan(i * headLength, headLength));
        }

        _words = queue.Device.Allocate((long)words.Length * sizeof(int));
        try
        {
            _angles = queue.Device.Allocate((long)angles.Length * sizeof(float));
        }
        catch
        {
            _words.Dispose();
            throw;
        }

        DeviceSpan all = _words.Span(DType.Int32, words.Length);
        Angles = _angles.Span(DType.Float32, angles.Length);
        queue.Upload(MemoryMarshal.AsBytes<int>(words), all);
        queue.Upload(MemoryMarshal.AsBytes<float>(angles), Angles);
        int count = tokens.Length;
        ExpertWords = all.Slice(0, count);
        Places = new TokenPlaces(
            all.Slice(count, count), all.Slice(2 * count, count), all.Slice(3 * count, words.Length - (3 * count)), sequences);
    }

    public DeviceQueue Queue { get; }

    public bool IsPrompt { get; }

    /// <summary>The expert of each token.</summary>
    public int[] Experts { get; }

    /// <summary>The same on the device, [T] of I32.</summary>
    public DeviceSpan ExpertWords { get; }

    /// <summary>Stretches of tokens of one expert.</summary>
    public IReadOnlyList<(int Expert, int Start, int Count)> Runs { get; }

    /// <summary>Where the tokens stand in the cache.</summary>
    public TokenPlaces Places { get; }

    /// <summary>[T, d]: how each token is rotated.</summary>
    public DeviceSpan Angles { get; }

    public void Dispose()
    {
        _words.Dispose();
        _angles.Dispose();
    }

    private static List<(int Expert, int Start, int Count)> FindRuns(int[] experts)
    {
        var runs = new List<(int Expert, int Start, int Count)>();
        for (int start = 0; start < experts.Length;)
        {
            int end = start + 1;
            while (end < experts.Length && experts[end] == experts[start])
            {
                end++;
            }

            runs.Add((experts[start], start, end - start));
            start = end;
        }

        return runs;
    }

    // Experts, sequences, positions, and each sequence's pages; a shorter list of pages is filled up with zeros, which
    // nobody looks at.
    private (int[] Words, int Sequences) Words(ReadOnlySpan<DecoderToken> tokens)
    {
        var numbers = new Dictionary<DecoderSequence, int>();
        int widest = 1;
        foreach (DecoderToken token in tokens)
        {
            numbers.TryAdd(token.Sequence, numbers.Count);
            widest = Math.Max(widest, token.Sequence.Pages.Count);
        }

        int count = tokens.Length;
        var words = new int[(3 * count) + (numbers.Count * widest)];
        Experts.CopyTo(words, 0);
        for (int i = 0; i < count; i++)
        {
            words[count + i] = numbers[tokens[i].Sequence];
            words[(2 * count) + i] = tokens[i].Position;
        }

        foreach ((DecoderSequence sequence, int number) in numbers)
        {
            sequence.Pages.CopyTo(words, (3 * count) + (number * widest));
        }

        return (words, numbers.Count);
    }
}

/// <summary>A token on its way through the layers.</summary>
/// <param name="Sequence">The sequence it belongs to.</param>
/// <param name="Id">The token.</param>
/// <param name="Position">Its position there.</param>
/// <param name="RotationLength">The length that dynamic rotation goes by, see <see cref="RotaryAngles.Fill"/>.</param>
/// <param name="Reading">The number of the reading it came with.</param>
/// <param name="Index">Its place there.</param>
internal readonly record struct DecoderToken(
    DecoderSequence Sequence, int Id, int Position, int RotationLength, int Reading, int Index);
