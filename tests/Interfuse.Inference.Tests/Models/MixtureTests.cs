using Interfuse.Checkpoints;
using Interfuse.Experts;
using Interfuse.Inference.Generation;
using Interfuse.Inference.Models;

namespace Interfuse.Inference.Tests.Models;

/// <summary>Mixtures of experts decode as the model that they are the mixture of, alone and in any batch.</summary>
public sealed class MixtureTests
{
    private static readonly int[] Prompt = [1, 17, 40, 8, 93, 5, 66, 31, 2, 70, 12];

    // Biases, norms of heads, and a tied head, which reads the embedding by products.
    private static readonly string[] Models = ["llama-biases", "qwen3", "llama-tied"];

    [TestCaseSource(nameof(Models))]
    public void Weights_that_are_all_on_one_expert_give_its_bits(string model)
    {
        using var experts = new VariedExperts(model, 3);
        using Decoder decoder = TinyExperts.LoadFrom(experts.Path);
        float[][] logits = [.. Enumerable.Range(0, 3).Select(expert => decoder.LastLogits(Prompt, expert))];

        for (int expert = 0; expert < 3; expert++)
        {
            ExpertMix oneHot = Mix([.. Enumerable.Range(0, 3).Select(other => other == expert ? 1f : 0)]);
            Assert.That(decoder.LastLogits(Prompt, oneHot), Is.EqualTo(logits[expert]));
        }

        Assert.That(logits[0], Is.Not.EqualTo(logits[1]));
    }

    [TestCaseSource(nameof(Models))]
    public void A_batch_of_experts_mixtures_and_the_shared_model_gives_each_what_it_gets_alone(string model)
    {
        using var experts = new VariedExperts(model, 3);
        using Decoder decoder = TinyExperts.LoadFrom(experts.Path);
        ExpertMix[] mixes =
        [
            Mix(0.5f, 0.25f, 0.25f), ExpertMix.Of(2), ExpertMix.Shared, Mix(0, 0.7f, 0.3f), ExpertMix.Of(0),
            Mix(0.5f, 0.25f, 0.25f), ExpertMix.Shared, ExpertMix.Of(2),
        ];
        int[][] prompts = [.. mixes.Select((_, i) => Prompt[(i % 3)..(Prompt.Length - (i % 4))])];
        float[][] read = new float[mixes.Length][];
        float[][] first = new float[mixes.Length][];
        float[][] second = new float[mixes.Length][];
        DecoderSequence[] sequences = [.. mixes.Select(decoder.Start)];
        decoder.Read(
            [.. prompts.Select((prompt, i) => new Reading(sequences[i], prompt))], (i, _, logits) => read[i] = logits.ToArray());
        int[] tokens = [.. Enumerable.Range(20, mixes.Length)];
        decoder.Step(sequences, tokens, (i, _, logits) => first[i] = logits.ToArray());
        decoder.Step(sequences, tokens, (i, _, logits) => second[i] = logits.ToArray());
        Array.ForEach(sequences, sequence => sequence.Dispose());

        for (int i = 0; i < mixes.Length; i++)
        {
            using DecoderSequence alone = decoder.Start(mixes[i]);
            decoder.Read([new Reading(alone, prompts[i])], (_, _, logits) => Assert.That(logits.ToArray(), Is.EqualTo(read[i]), $"{i}"));
            decoder.Step([alone], tokens.AsMemory(i, 1), (_, _, logits) => Assert.That(logits.ToArray(), Is.EqualTo(first[i]), $"{i}"));
            decoder.Step([alone], tokens.AsMemory(i, 1), (_, _, logits) => Assert.That(logits.ToArray(), Is.EqualTo(second[i]), $"{i}"));
        }
    }

    // In float32 the exported weights are rounded by up to 2^-24 of themselves, as every product and sum here is: some tens of
    // such roundings, in another order.
    [TestCase("llama-biases", DType.Float32, 1e-5)]
    [TestCase("qwen3", DType.Float32, 1e-5)]
    [TestCase("llama-tied", DType.Float32, 1e-5)]

    // In bfloat16 they are rounded by up to 2^-8 of themselves, each on its own: about 2^-9 / sqrt(3) in the root mean square,
    // and so much of a product's. Some 4 products in each of the layers that add to the same vector, and the head, make about
    // 4 times that: 0.005 of the logits' root mean square, which the tolerance is a share of. The largest of 96 logits may be
    // off by 3 times as much, and the attention's exponentials may double that.
    [TestCase("llama-biases", DType.BFloat16, 0.03)]
    [TestCase("qwen3", DType.BFloat16, 0.03)]
    [TestCase("llama-tied", DType.BFloat16, 0.03)]
    public void A_mixture_has_the_logits_of_the_exported_model_but_for_rounding(string model, DType dtype, double tolerance)
    {
        using var experts = new VariedExperts(model, 3, dtype);
        using Decoder decoder = TinyExperts.LoadFrom(experts.Path);
        foreach (ExpertMix mix in (ExpertMix[])[Mix(0.5f, 0.25f, 0.25f), Mix(0, 0.7f, 0.3f), ExpertMix.Shared])
        {
            using Decoder exported = TinyExperts.LoadFrom(experts.Export(mix));
            float[] expected = exported.LastLogits(Prompt);
            double rms = Math.Sqrt(expected.Average(logit => (double)logit * logit));

            float[] logits = decoder.LastLogits(Prompt, mix);

            Assert.That(logits, Is.EqualTo(expected).Within(tolerance * rms), $"{mix}");
            Assert.That(logits, Is.Not.EqualTo(decoder.LastLogits(Prompt, 1)).Within(tolerance * rms), $"{mix} is no expert");

            // What is looked up and not multiplied is rounded here as there.
            Assert.That(
                decoder.Features([Prompt], mix, depth: 0)[0], Is.EqualTo(exported.Features([Prompt], ExpertMix.Of(0), depth: 0)[0]));
        }
    }

    [Test]
    public void Halves_and_quarters_of_the_same_weights_are_those_weights([Values(2, 4)] int count)
    {
        using var experts = new VariedExperts("llama-biases", count, strength: 0);
        using Decoder decoder = TinyExperts.LoadFrom(experts.Path);
        using Decoder exported = TinyExperts.LoadFrom(experts.Export(ExpertMix.Shared));
        float[] expected = decoder.LastLogits(Prompt, 0);
        int[] tokens = decoder.Greedy(Prompt, 8, 0);

        foreach (ExpertMix mix in (ExpertMix[])[ExpertMix.Shared, ExpertMix.Uniform(count)])
        {
            Assert.That(decoder.LastLogits(Prompt, mix), Is.EqualTo(expected));
            Assert.That(decoder.Greedy(Prompt, 8, mix), Is.EqualTo(tokens));
        }

        Assert.That(exported.LastLogits(Prompt), Is.EqualTo(expected));
    }

    [Test]
    public void Mixtures_come_and_go_and_only_so_many_are_in_use_at_once()
    {
        using var experts = new VariedExperts("llama-biases", 2);
        using Decoder decoder = TinyExperts.LoadFrom(experts.Path);
        ExpertMix[] mixes = [.. Enumerable.Range(1, 100).Select(i => Mix(i / 128f, 1 - (i / 128f)))];
        float[][] alone = new float[mixes.Length][];
        for (int i = 0; i < mixes.Length; i++)
        {
            alone[i] = decoder.LastLogits(Prompt, mixes[i]);
        }

        DecoderSequence[] held = [.. mixes.Take(Decoder.MaxMixtures).Select(decoder.Start)];
        DecoderSequence again = decoder.Start(mixes[5]);
        using DecoderSequence single = decoder.Start(ExpertMix.Of(1));
        using DecoderSequence shared = decoder.Start(ExpertMix.Shared);
        Assert.That(
            () => decoder.Start(mixes[^1]), Throws.TypeOf<InterfuseException>().With.Message.Contains("64 mixtures of experts are in use"));

        // Of the sixth there are two: its place is free when both have ended.
        held[5].Dispose();
        held[5].Dispose();
        Assert.That(() => decoder.Start(mixes[^1]), Throws.TypeOf<InterfuseException>());
        again.Dispose();
        DecoderSequence[] sequences = [.. held.Where((_, i) => i != 5), decoder.Start(mixes[^1])];
        int[] numbers = [.. Enumerable.Range(0, Decoder.MaxMixtures).Where(i => i != 5), mixes.Length - 1];
        decoder.Read(
            [.. sequences.Select(sequence => new Reading(sequence, Prompt))],
            (i, _, logits) => Assert.That(logits.ToArray(), Is.EqualTo(alone[numbers[i]]), $"mixture {numbers[i]}"));
        Array.ForEach(sequences, sequence => sequence.Dispose());

        Assert.That(decoder.LastLogits(Prompt, mixes[5]), Is.EqualTo(alone[5]));
    }

    [Test]
    public void Features_of_mixtures_do_not_depend_on_the_batch([Values(0, 2)] int depth)
    {
        using var experts = new VariedExperts("qwen3", 3);
        using Decoder decoder = TinyExperts.LoadFrom(experts.Path);
        ReadOnlyMemory<int>[] prompts = [.. Enumerable.Range(0, 8).Select(i => Prompt.AsMemory(i, Prompt.Length - i))];
        foreach (ExpertMix mix in (ExpertMix[])[ExpertMix.Shared, Mix(0.2f, 0.3f, 0.5f)])
        {
            IReadOnlyList<float[]> together = decoder.Features(prompts, mix, depth);

            Assert.That(together, Is.EqualTo(prompts.Select(prompt => decoder.Features([prompt], mix, depth)[0])));
            Assert.That(together, Is.Not.EqualTo(decoder.Features(prompts, ExpertMix.Of(0), depth)));
        }
    }

    [Test]
    public void Answers_of_a_mixed_batch_are_those_of_each_prompt_alone()
    {
        using var experts = new VariedExperts("llama-biases", 3);
        using Decoder decoder = TinyExperts.LoadFrom(experts.Path);
        GenerationRequest[] requests =
        [
            .. new[] { Mix(0.5f, 0.25f, 0.25f), ExpertMix.Of(1), ExpertMix.Shared, Mix(0.1f, 0, 0.9f) }.SelectMany(mix =>
                Enumerable.Range(3, 5).Select(length => new GenerationRequest(Prompt.AsMemory(0, length), mix)
                {
                    MaxTokens = 2 * length,
                    IgnoreEndOfText = true,
                })),
        ];
        var generator = new Generator(decoder, TinyExperts.Tokenizer);

        IReadOnlyList<GenerationResult> together = generator.Run(requests);

        for (int i = 0; i < requests.Length; i++)
        {
            Assert.That(together[i].Tokens, Is.EqualTo(generator.Run([requests[i]])[0].Tokens), $"request {i}");
        }
    }

    [Test]
    public void A_plain_model_is_its_own_shared_model_and_strangers_are_refused()
    {
        using Decoder plain = TinyExperts.Load("sort");
        int[] prompt = TinyExperts.Tokenizer.Encode("sort planet=");

        Assert.That(plain.LastLogits(prompt, ExpertMix.Shared), Is.EqualTo(plain.LastLogits(prompt)));
        Assert.That(() => plain.Start(ExpertMix.Uniform(2)), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => plain.Start(ExpertMix.Of(1)), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    internal static ExpertMix Mix(params float[] weights) =>
        ExpertMix.Weighted(weights.Select((weight, expert) => new ExpertShare(expert, weight)));
}
