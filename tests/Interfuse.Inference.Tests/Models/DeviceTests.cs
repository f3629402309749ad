using Interfuse.Compute;
using Interfuse.Compute.Cuda;
using Interfuse.Experts;
using Interfuse.Inference.Models;
using Interfuse.Testing;

namespace Interfuse.Inference.Tests.Models;

/// <summary>The decoder gives the same bits by the CUDA kernels as by the processor's own.</summary>
public sealed class DeviceTests
{
    private static readonly string[] References = ["llama-biases", "llama-rope-yarn", "mistral-sliding", "qwen2-window", "qwen3"];

    [OneTimeSetUp]
    public void NeedTheSoftwareDriver()
    {
        if (CudaLibraries.SoftwareMissing is { } reason)
        {
            Assert.That(CudaLibraries.SoftwareRequired, Is.False, reason);
            Assert.Ignore(reason);
        }
    }

    [TestCaseSource(nameof(References))]
    public void Every_option_has_the_logits_of_the_processor(string name)
    {
        var reference = new ReferenceModel(name);

        AssertSame(reference.Path, reference.Continuation.Prompt, steps: 6);
    }

    [Test]
    public void A_trained_model_has_the_logits_of_the_processor()
    {
        AssertSame(TinyExperts.PathOf("reverse"), TinyExperts.Tokenizer.Encode("reverse planet="), steps: 7);
    }

    [Test]
    public void Mixtures_have_the_logits_of_the_processor([Values("llama-biases", "qwen3")] string model)
    {
        using var experts = new VariedExperts(model, 3);
        using Device software = SoftwareCuda.Open();
        using ModelWeights weights = ModelWeights.Open(experts.Path);
        using Decoder onCuda = Decoder.Load(weights, software);
        using Decoder onCpu = TinyExperts.LoadFrom(experts.Path);
        int[] prompt = [1, 17, 40, 8, 93];
        ExpertMix[] mixes = [MixtureTests.Mix(0.5f, 0.3f, 0.2f), ExpertMix.Of(2), ExpertMix.Shared, MixtureTests.Mix(0, 0.7f, 0.3f)];

        float[][] cuda = Mixed(onCuda, mixes, prompt);
        float[][] cpu = Mixed(onCpu, mixes, prompt);

        Assert.That(cuda, Is.EqualTo(cpu));
        Assert.That(
            onCuda.Features([prompt], mixes[0], depth: 1)[0], Is.EqualTo(onCpu.Features([prompt], mixes[0], depth: 1)[0]));
    }

    // The logits after a prompt and a token, of sequences that share a batch.
    private static float[][] Mixed(Decoder decoder, ExpertMix[] mixes, int[] prompt)
    {
        var all = new float[2 * mixes.Length][];
        DecoderSequence[] sequences = [.. mixes.Select(decoder.Start)];
        decoder.Read([.. sequences.Select(sequence => new Reading(sequence, prompt))], (i, _, logits) => all[i] = logits.ToArray());
        decoder.Step(
            sequences, Enumerable.Range(7, mixes.Length).ToArray(), (i, _, logits) => all[mixes.Length + i] = logits.ToArray());
        Array.ForEach(sequences, sequence => sequence.Dispose());
        return all;
    }

    private static void AssertSame(string path, int[] prompt, int steps)
    {
        using Device software = SoftwareCuda.Open();
        using ModelWeights weights = ModelWeights.Open(path);
        using Decoder onCuda = Decoder.Load(weights, software);
        using Decoder onCpu = TinyExperts.LoadFrom(path);

        Assert.That(onCuda.LastLogits(prompt), Is.EqualTo(onCpu.LastLogits(prompt)));
        Assert.That(onCuda.Greedy(prompt, steps), Is.EqualTo(onCpu.Greedy(prompt, steps)));
    }
}
