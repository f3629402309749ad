using Interfuse.Compute;
using Interfuse.Compute.Cuda;
using Interfuse.Experts;
using Interfuse.Inference.Generation;
using Interfuse.Inference.Tests.Models;
using Interfuse.Testing;
using Decoder = Interfuse.Inference.Models.Decoder;

namespace Interfuse.Inference.Tests.Generation;

/// <summary>A device that is too small for all answers at once makes some of them wait, and spoils none.</summary>
public sealed class FullDeviceTests
{
    private static readonly GenerationRequest[] Requests =
    [
        .. Enumerable.Range(0, 3).Select(i =>
            new GenerationRequest(Enumerable.Range(i, 120 + (5 * i)).Select(token => token % 90).ToArray())
            {
                MaxTokens = 9 - i,
                IgnoreEndOfText = true,
            }),
    ];

    private readonly string _model = new ReferenceModel("llama-rope-dynamic").Path;

    [Test]
    public void Whatever_memory_there_is()
    {
        if (CudaLibraries.SoftwareMissing is { } reason)
        {
            Assert.That(CudaLibraries.SoftwareRequired, Is.False, reason);
            Assert.Ignore(reason);
        }

        int[][] expected;
        using (Decoder decoder = TinyExperts.LoadFrom(_model))
        {
            expected = [.. new Generator(decoder, TinyExperts.Tokenizer).Run(Requests).Select(result => result.Tokens.ToArray())];
        }

        int together = 0;
        int inTurn = 0;
        for (long budget = 200_000; together == 0; budget += budget / 8)
        {
            using Device device = SoftwareCuda.Open(budget);
            if (Load(device) is not { } decoder)
            {
                continue;
            }

            using (decoder)
            {
                (int[][] answers, int refusals) = Answer(decoder);
                Assert.That(answers.Where(answer => answer.Length > 0), Is.SubsetOf(expected), $"with {budget} bytes");
                bool isComplete = answers.All(answer => answer.Length > 0);
                inTurn += isComplete && refusals > 0 ? 1 : 0;
                together += isComplete && refusals == 0 ? 1 : 0;
            }
        }

        Assert.That(inTurn, Is.GreaterThan(0), "a device on which some have to wait");
    }

    // An answer that does not fit is begun again when another has ended, and given up where it is the only one.
    private static (int[][] Answers, int Refusals) Answer(Decoder decoder)
    {
        using var batch = new AnswerBatch(decoder, TinyExperts.Tokenizer);
        int[][] answers = [.. Requests.Select(_ => Array.Empty<int>())];
        var waiting = new Stack<int>(Enumerable.Range(0, Requests.Length).Reverse());
        var active = new List<(int Number, Answer Answer)>();
        int refusals = 0;
        while (waiting.Count > 0 || active.Count > 0)
        {
            while (waiting.Count > 0 && (refusals == 0 || active.Count == 0))
            {
                active.Add((waiting.Peek(), batch.Add(Requests[waiting.Pop()])));
            }

            (int, int)[] before = [.. active.Select(one => (one.Answer.TokenCount, one.Answer.PromptTokensLeft))];
            try
            {
                batch.Advance(promptTokens: 200);
            }
            catch (OutOfDeviceMemoryException)
            {
                refusals++;
                foreach (((int tokens, int left), (_, Answer answer)) in before.Zip(active))
                {
                    bool isAsBefore = (answer.TokenCount, answer.PromptTokensLeft) == (tokens, left);
                    bool hasItsToken = answer.TokenCount == tokens + 1 && answer.PromptTokensLeft == 0;
                    Assert.That(isAsBefore || hasItsToken);
                }

                (int number, Answer last) = active[^1];
                active.RemoveAt(active.Count - 1);
                batch.Remove(last);
                if (active.Count > 0)
                {
                    waiting.Push(number);
                }
            }

            foreach ((int number, Answer answer) in active.Where(one => one.Answer.Result is not null))
            {
                answers[number] = [.. answer.Result!.Tokens];
            }

            active.RemoveAll(one => one.Answer.IsOver);
        }

        Assert.That(decoder.CacheBytesInUse, Is.Zero);
        return (answers, refusals);
    }

    private Decoder? Load(Device device)
    {
        using ModelWeights weights = ModelWeights.Open(_model);
        try
        {
            return Decoder.Load(weights, device);
        }
        catch (OutOfDeviceMemoryException)
        {
            return null;
        }
    }
}
