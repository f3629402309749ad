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
