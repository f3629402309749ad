using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Inference.Generation;
using Interfuse.Inference.Models;

namespace Interfuse.Inference.Tests.Models;

/// <summary>Going on with the same sequences allocates nothing on the managed heap.</summary>
/// <remarks>Within a page of the cache: a sequence takes another page every <see cref="KeyValuePages.Length"/> tokens.</remarks>
public sealed class AllocationTests
{
    private const int Steps = 100;

    private static readonly int[] Prompt = [1, 17, 40, 8];

    private static readonly ExpertMix[] Mixes =
    [
        ExpertMix.Of(2), MixtureTests.Mix(0.5f, 0.25f, 0.25f), ExpertMix.Shared, ExpertMix.Of(0), MixtureTests.Mix(0, 0.7f, 0.3f),
        ExpertMix.Of(2), ExpertMix.Shared,
    ];

    // Of a family with everything: norms of heads, biases, a tied head, whose length of text is bounded by nothing.
    [TestCase(1, 1)]
    [TestCase(1, 16)]
    [TestCase(2, 3)]
    public void A_step_of_a_plain_model_allocates_nothing(int threads, int count)
    {
        using Decoder decoder = TinyExperts.LoadFrom(new ReferenceModel("llama-rope-dynamic").Path, threads);

        Assert.That(StepBytes(decoder, [.. Enumerable.Repeat(ExpertMix.Of(0), count)]), Is.Zero);
    }

    [Test]
    public void A_step_of_experts_and_mixtures_allocates_nothing(
        [Values("qwen3", "llama-biases", "llama-tied")] string model, [Values(1, 2)] int threads)
    {
        using var experts = new VariedExperts(model, 3);
        using Decoder decoder = TinyExperts.LoadFrom(experts.Path, threads);

        Assert.That(StepBytes(decoder, Mixes), Is.Zero);
        Assert.That(StepBytes(decoder, [ExpertMix.Of(1)]), Is.Zero);
    }

    [Test]
    public void Answers_whose_text_nobody_reads_before_the_end_go_on_without_allocating()
    {
        using Decoder decoder = TinyExperts.LoadFrom(new ReferenceModel("llama-rope-dynamic").Path);
        using var batch = new AnswerBatch(decoder, TinyExperts.Tokenizer);
        for (int i = 0; i < 5; i++)
        {
            batch.Add(new GenerationRequest(Prompt.AsMemory(i % 2)) { MaxTokens = 2000, IgnoreEndOfText = true });
        }

        Assert.That(Measure(() => batch.Advance()), Is.Zero);
        Assert.That(batch.Count, Is.EqualTo(5));
    }

    private static long StepBytes(Decoder decoder, ExpertMix[] mixes)
    {
        DecoderSequence[] sequences = [.. mixes.Select(decoder.Start)];
        decoder.Read([.. sequences.Select(sequence => new Reading(sequence, Prompt))], Nothing);
        int[] tokens = [.. Enumerable.Range(3, mixes.Length)];
        int given = 0;
        LogitsHandler handler = (_, _, _) => given++;
        long bytes = Measure(() => decoder.Step(sequences, tokens, handler));
        Array.ForEach(sequences, sequence => sequence.Dispose());
        Assert.That(given % mixes.Length, Is.Zero);
        return bytes;

        static void Nothing(int reading, int token, ReadOnlySpan<float> logits)
        {
        }
    }

    private static long Measure(Action step)
    {
        for (int i = 0; i < 10; i++)
        {
            step();
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Steps; i++)
        {
            step();
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
