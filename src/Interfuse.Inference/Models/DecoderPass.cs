using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts;

namespace Interfuse.Inference.Models;

/// <summary>The tokens that go through the layers together, of any sequences and mixtures; one such object serves one pass
/// after the other.</summary>
/// <param name="queue">The queue.</param>
/// <param name="scratch">Memory for mixtures.</param>
/// <param name="activations">Memory between operations.</param>
/// <param name="rotation">The angles of positions.</param>
/// <param name="headLength">d.</param>
internal sealed class DecoderPass(
    DeviceQueue queue, MixScratch scratch, Activations activations, RotaryAngles rotation, int headLength)
{
    // Prompts come between the tokens of a batch that stays the same, and must not make it forgotten.
    private MixedBatch? _lastOfPrompts;
    private MixedBatch? _lastOfSteps;
    private int[] _words = [];
    private float[] _angles = [];

    public DeviceQueue Queue => queue;

    public bool IsPrompt { get; private set; }

    public MixScratch Scratch => scratch;

    /// <summary>What each token asks for.</summary>
    public MixedBatch Batch { get; private set; } = new([]);

    /// <summary>The same as numbers of <see cref="MixTable"/> on the device, [T] of I32.</summary>
    public DeviceSpan ExpertWords { get; private set; }

    /// <summary>Where the tokens stand in the cache.</summary>
    public TokenPlaces Places { get; private set; }

    /// <summary>[T, d]: how each token is rotated.</summary>
    public DeviceSpan Angles { get; private set; }

    /// <summary>Brings the tokens' places to the device; those of the pass before are void.</summary>
    /// <param name="tokens">The tokens, those of one mixture one after the other, and so those of one sequence.</param>
    /// <param name="isPrompt">Whether they are prompts' tokens: those are multiplied by
    /// <c>DeviceQueue.MatMul</c>, single ones by <c>DeviceQueue.GatherMultiply</c>.</param>
    public void Begin(ReadOnlySpan<DecoderToken> tokens, bool isPrompt)
    {
        IsPrompt = isPrompt;
        ref MixedBatch? last = ref isPrompt ? ref _lastOfPrompts : ref _lastOfSteps;
        if (last is null || !IsOf(last, tokens))
        {
            last = BatchOf(tokens);
        }

        Batch = last;
        ReadOnlySpan<int> words = Words(tokens, out int sequences);
        ReadOnlySpan<float> angles = AnglesOf(tokens);
        DeviceSpan all = activations.Take("words", words.Length, DType.Int32);
        Angles = activations.Take("angles", angles.Length);
        queue.Upload(MemoryMarshal.AsBytes(words), all);
        queue.Upload(MemoryMarshal.AsBytes(angles), Angles);
        int count = tokens.Length;
        ExpertWords = all.Slice(0, count);
        Places = new TokenPlaces(
            all.Slice(count, count), all.Slice(2 * count, count), all.Slice(3 * count, words.Length - (3 * count)), sequences);
    }

    private static bool IsOf(MixedBatch batch, ReadOnlySpan<DecoderToken> tokens)
    {
        bool isSame = batch.Count == tokens.Length;
        for (int i = 0; isSame && i < tokens.Length; i++)
        {
            isSame = tokens[i].Sequence.Mix.Equals(batch.Mixes[i]);
        }

        return isSame;
    }

    private static MixedBatch BatchOf(ReadOnlySpan<DecoderToken> tokens)
    {
        var mixes = new ExpertMix[tokens.Length];
        for (int i = 0; i < mixes.Length; i++)
        {
            mixes[i] = tokens[i].Sequence.Mix;
        }

        return new MixedBatch(mixes);
    }

    private ReadOnlySpan<float> AnglesOf(ReadOnlySpan<DecoderToken> tokens)
    {
        Span<float> angles = Reserve(ref _angles, tokens.Length * headLength);
        for (int i = 0; i < tokens.Length; i++)
        {
            rotation.Fill(tokens[i].Position, tokens[i].RotationLength, angles.Slice(i * headLength, headLength));
        }

        return angles;
    }

    // Numbers of mixtures, sequences, positions, and each sequence's pages; a shorter list of pages is filled up with zeros, which
    // nobody looks at.
    private ReadOnlySpan<int> Words(ReadOnlySpan<DecoderToken> tokens, out int sequences)
    {
        sequences = 0;
        int widest = 1;
        for (int i = 0; i < tokens.Length; i++)
        {
            sequences += IsFirst(tokens, i) ? 1 : 0;
            widest = Math.Max(widest, tokens[i].Sequence.Pages.Count);
        }

        int count = tokens.Length;
        Span<int> words = Reserve(ref _words, (3 * count) + (sequences * widest));
        words[(3 * count)..].Clear();
        int number = -1;
        for (int i = 0; i < count; i++)
        {
            if (IsFirst(tokens, i))
            {
                number++;
                CollectionsMarshal.AsSpan(tokens[i].Sequence.Pages).CopyTo(words[((3 * count) + (number * widest))..]);
            }

            words[i] = tokens[i].Sequence.Number;
            words[count + i] = number;
            words[(2 * count) + i] = tokens[i].Position;
        }

        return words;
    }

    private static bool IsFirst(ReadOnlySpan<DecoderToken> tokens, int i) =>
        i == 0 || tokens[i].Sequence != tokens[i - 1].Sequence;

    private static Span<T> Reserve<T>(ref T[] kept, int count)
    {
        if (kept.Length < count)
        {
            kept = new T[count];
        }

        return kept.AsSpan(0, count);
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
