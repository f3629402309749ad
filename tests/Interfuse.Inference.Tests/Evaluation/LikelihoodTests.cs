using System.Text;
using Interfuse.Inference.Evaluation;
using Interfuse.Inference.Tests.Models;
using NUnit.Framework.Constraints;
using Decoder = Interfuse.Inference.Models.Decoder;

namespace Interfuse.Inference.Tests.Evaluation;

/// <summary>Choices and perplexity, against the softmax of each token by itself.</summary>
public sealed class LikelihoodTests
{
    // Logits are the same bits whatever is read together; sums are taken in another order.
    private const double Tolerance = 1e-9;

    private Decoder _decoder = null!;

    [OneTimeSetUp]
    public void Load() => _decoder = TinyExperts.Load("reverse", threads: 1);

    [OneTimeTearDown]
    public void Unload() => _decoder.Dispose();

    [Test]
    public void The_choice_is_the_likeliest_continuation()
    {
        string[] words = ["planet", "stone", "river", "cloud", "flower", "mountain", "sea", "wind"];
        EvaluationSample[] samples =
        [
            .. words.SelectMany((word, i) => new[]
            {
                Sample(i, $"reverse {word}=", [Reversed(word), word, Reversed(word)[1..]]),
                Sample(i, word, [" a", "b", "longer than the others", "="]),
            }),
        ];

        EvaluationResult result = Evaluator().Evaluate(new EvaluationTask("t", EvaluationKind.MultipleChoice, samples));

        int right = 0;
        int rightPerByte = 0;
        for (int i = 0; i < samples.Length; i++)
        {
            string prompt = samples[i].Prompt;
            double[] expected = [.. samples[i].Choices.Select(choice => Likelihood(prompt + choice, Tokens(prompt).Length))];
            double[] perByte = [.. expected.Select((value, choice) => value / samples[i].Choices[choice].Length)];
            right += Array.IndexOf(expected, expected.Max()) == 0 ? 1 : 0;
            rightPerByte += Array.IndexOf(perByte, perByte.Max()) == 0 ? 1 : 0;
            Assert.That(result.Samples[i].LogLikelihoods, Is.EqualTo(expected).Within(Tolerance));
            Assert.That(result.Samples[i].Answer, Is.EqualTo(samples[i].Choices[Array.IndexOf(expected, expected.Max())]));
        }

        Assert.That(right, Is.InRange(words.Length, samples.Length), "the model can reverse");
        Assert.That(result.Metrics, Is.EqualTo(new KeyValuePair<string, double>[]
        {
            new("accuracy", (double)right / samples.Length), new("accuracy_norm", (double)rightPerByte / samples.Length),
        }));
        Assert.That(result.HigherIsBetter, Is.True);
    }

    [TestCase(2048)]
    [TestCase(64)]
    [TestCase(9)]
    [TestCase(2)]
    public void Perplexity_counts_every_token_but_the_first_once(int window)
    {
        string[] texts = ["reverse planet=tenalp", "a", "reverse stone=enots, reverse river=revir", "é"];
        double sum = 0;
        int count = 0;
        foreach (string text in texts)
        {
            int[] tokens = Tokens(text);
            for (int i = 1; i < tokens.Length; i++)
            {
                // The stretch that a token is in begins with a multiple of one less than the window.
                int start = (i - 1) / (window - 1) * (window - 1);
                sum += LogSoftmax(_decoder.LastLogits(tokens.AsMemory(start, i - start)), tokens[i]);
                count++;
            }
        }

        EvaluationSample[] samples = [.. texts.Select((text, i) => Sample(i, text, []))];
        EvaluationResult result = new Evaluator(_decoder, TinyExperts.Tokenizer, new EvaluationOptions { WindowLength = window })
            .Evaluate(new EvaluationTask("t", EvaluationKind.Perplexity, samples));

        Assert.That(result.Value, Is.EqualTo(Math.Exp(-sum / count)).Within(1e-9).Percent);
        Assert.That(
            result.Metrics[1].Value,
            Is.EqualTo(-sum / Math.Log(2) / texts.Sum(Encoding.UTF8.GetByteCount)).Within(1e-9).Percent);
        Assert.That(result.Samples.Sum(sample => sample.LogLikelihoods[0]), Is.EqualTo(sum).Within(Tolerance));
        Assert.That((result.HigherIsBetter, result.Samples[0].Answer, result.Samples[0].Correct), Is.EqualTo((false, (string?)null, (bool?)null)));
    }

    [Test]
    public void A_sample_that_does_not_fit_is_named()
    {
        var exact = new EvaluationTask("t", EvaluationKind.ExactMatch, [Sample(7, new string('x', 64), [])]);
        var choice = new EvaluationTask("t", EvaluationKind.MultipleChoice, [Sample(8, new string('x', 60), ["yes", "y"])]);

        Assert.That(() => Evaluator().Evaluate(exact), Refused("line 7 of the task 't'", "65 tokens", "context of 64"));
        Assert.That(Evaluator().Evaluate(choice).Samples, Has.Count.EqualTo(1), "64 tokens fit");
        choice = choice with { Samples = [Sample(8, new string('x', 61), ["yes", "y"])] };
        Assert.That(() => Evaluator().Evaluate(choice), Refused("line 8 of the task 't'", "65 tokens"));
        Assert.That(
            () => Evaluator().Evaluate(new EvaluationTask("t", EvaluationKind.Perplexity, [Sample(1, "", [])])),
            Refused("'t' has no text of two tokens"));
    }

    [Test]
    public void Logits_that_are_no_numbers_are_an_error()
    {
        Assert.That(() => LogLikelihood.Of([0f, float.NaN], 0), Refused("not a number"));
        Assert.That(() => LogLikelihood.Of([0f, float.PositiveInfinity], 0), Refused("not a number"));
        Assert.That(LogLikelihood.Of([0f, float.NegativeInfinity], 1), Is.EqualTo(double.NegativeInfinity));
        Assert.That(LogLikelihood.Of([5f, 5f], 1), Is.EqualTo(-Math.Log(2)).Within(1e-15));
    }

    private static Constraint Refused(params string[] fragments) =>
        fragments.Aggregate(
            (Constraint)Throws.InstanceOf<InterfuseException>(),
            (constraint, fragment) => constraint.With.Message.Contains(fragment));

    private static EvaluationSample Sample(int line, string prompt, string[] choices) =>
        new(line, prompt, choices.Take(1).ToArray(), choices);

    private static string Reversed(string word) => new([.. word.Reverse()]);

    private static int[] Tokens(string text) => TinyExperts.Tokenizer.Encode(text);

    private Evaluator Evaluator() => new(_decoder, TinyExperts.Tokenizer, new EvaluationOptions());

    private double Likelihood(string text, int from)
    {
        int[] tokens = Tokens(text);
        return Enumerable.Range(from, tokens.Length - from)
            .Sum(i => LogSoftmax(_decoder.LastLogits(tokens.AsMemory(0, i)), tokens[i]));
    }

    private static double LogSoftmax(float[] logits, int token) =>
        logits[token] - Math.Log(logits.Sum(logit => Math.Exp(logit)));
}
