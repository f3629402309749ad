using Interfuse.Compute;
using Interfuse.Inference.Models;

namespace Interfuse.Inference.Tests.Models;

/// <summary>A sequence's logits do not depend on what shares a batch with it, nor on threads.</summary>
public sealed class BatchTests
{
    private static readonly int[] Lengths = [1, 2, 15, 16, 17, 33, 50, 60];

    [Test]
    public void A_batch_gives_each_sequence_the_bits_that_it_gets_alone()
    {
        using Decoder decoder = TinyExperts.Load("add");
        int[][] prompts = [.. Lengths.Select((length, i) => Prompt(length, i))];
        float[][] together = new float[prompts.Length][];
        DecoderSequence[] sequences = [.. prompts.Select(_ => decoder.Start())];
        decoder.Read(
            [.. prompts.Select((prompt, i) => new Reading(sequences[i], prompt))],
            (reading, _, logits) => together[reading] = logits.ToArray());
        float[][] next = new float[prompts.Length][];
        decoder.Step(sequences, Enumerable.Range(40, prompts.Length).ToArray(), (reading, _, logits) => next[reading] = logits.ToArray());

        for (int i = 0; i < prompts.Length; i++)
        {
            using DecoderSequence alone = decoder.Start();
            decoder.Read([new Reading(alone, prompts[i])], (_, _, logits) => Assert.That(Bits(logits), Is.EqualTo(Bits(together[i]))));
            decoder.Step([alone], new[] { 40 + i }, (_, _, logits) => Assert.That(Bits(logits), Is.EqualTo(Bits(next[i]))));
        }

        Array.ForEach(sequences, sequence => sequence.Dispose());
    }

    [Test]
    public void A_prompt_read_in_parts_gives_the_bits_of_one_read_at_once([Values(1, 7, 31)] int part)
    {
        using Decoder decoder = TinyExperts.Load("sort");
        int[] prompt = Prompt(60, 3);
        float[] last = [];
        using DecoderSequence sequence = decoder.Start();
        for (int start = 0; start < prompt.Length; start += part)
        {
            int[] tokens = prompt[start..Math.Min(start + part, prompt.Length)];
            decoder.Read([new Reading(sequence, tokens)], (_, _, logits) => last = logits.ToArray());
        }

        Assert.That(Bits(last), Is.EqualTo(Bits(decoder.LastLogits(prompt))));
    }

    [Test]
    public void A_prompt_whose_length_is_told_is_rotated_by_it_in_whatever_parts_it_is_read([Values(1, 5, 17)] int part)
    {
        var reference = new ReferenceModel("llama-rope-dynamic");
        using Decoder decoder = TinyExperts.LoadFrom(reference.Path);
        int[] prompt = [.. Prompt(40, 3).Select(token => token % decoder.Config.VocabularySize)];
        Assert.That(prompt, Has.Length.GreaterThan(decoder.Config.Rope.TrainedLength));
        int given = 0;
        float[] last = [];
        using DecoderSequence sequence = decoder.Start();
        for (int start = 0; start < prompt.Length; start += part)
        {
            int end = Math.Min(start + part, prompt.Length);
            int from = end < prompt.Length ? Reading.NoLogits : int.MaxValue;
            decoder.Read([new Reading(sequence, prompt.AsMemory(start, end - start), from) { TextLength = prompt.Length }], Take);
        }

        Assert.That(given, Is.EqualTo(1), "the last token's only");
        Assert.That(Bits(last), Is.EqualTo(Bits(decoder.LastLogits(prompt))));

        void Take(int reading, int token, ReadOnlySpan<float> logits)
        {
            given++;
            last = logits.ToArray();
        }
    }

    [Test]
    public void The_memory_of_a_sequence_is_told_in_whole_pages()
    {
        using Decoder decoder = TinyExperts.LoadFrom(new ReferenceModel("llama-rope-dynamic").Path);
        DecoderConfig config = decoder.Config;
        long page = (long)config.LayerCount * KeyValuePages.Length * 2 * config.KeyValueHeads * config.HeadLength * sizeof(float);
        using DecoderSequence sequence = decoder.Start();
        decoder.Read([new Reading(sequence, new int[KeyValuePages.Length + 1])], (_, _, _) => { });

        Assert.That(
            new[] { 0, 1, KeyValuePages.Length, KeyValuePages.Length + 1 }.Select(decoder.CacheBytes),
            Is.EqualTo([0, page, page, 2 * page]));
        Assert.That(decoder.CacheBytesInUse, Is.EqualTo(2 * page));
        Assert.That(decoder.CacheBytes(int.MaxValue), Is.EqualTo((1L << 31) / KeyValuePages.Length * page));
    }

    [Test]
    public void Logits_do_not_depend_on_the_number_of_threads([Values(1, 3, 5)] int threads)
    {
        using Decoder two = TinyExperts.Load("cipher");
        using Decoder others = TinyExperts.Load("cipher", threads);
        int[] prompt = Prompt(50, 5);

        Assert.That(Bits(others.LastLogits(prompt)), Is.EqualTo(Bits(two.LastLogits(prompt))));
        Assert.That(others.Greedy(prompt, 10), Is.EqualTo(two.Greedy(prompt, 10)));
    }

    private static int[] Prompt(int length, int seed)
    {
        var random = new Random(seed);
        return [256, .. Enumerable.Range(1, length - 1).Select(_ => random.Next(32, 127))];
    }

    private static int[] Bits(ReadOnlySpan<float> values)
    {
        var bits = new int[values.Length];
        for (int i = 0; i < bits.Length; i++)
        {
            bits[i] = BitConverter.SingleToInt32Bits(values[i]);
        }

        return bits;
    }
}
