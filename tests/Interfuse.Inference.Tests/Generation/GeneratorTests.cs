using System.Text;
using Interfuse.Inference.Generation;
using Decoder = Interfuse.Inference.Models.Decoder;

namespace Interfuse.Inference.Tests.Generation;

/// <summary>How answers begin, go on together, and end.</summary>
public sealed class GeneratorTests
{
    private const string Sum = "add 58+67=";

    private Decoder _decoder = null!;
    private Generator _generator = null!;

    [OneTimeSetUp]
    public void Load()
    {
        _decoder = TinyExperts.Load("add", threads: 1);
        _generator = new Generator(_decoder, TinyExperts.Tokenizer);
    }

    [OneTimeTearDown]
    public void Unload() => _decoder.Dispose();

    [Test]
    public void The_model_ends_its_answer_unless_that_is_ignored()
    {
        GenerationResult result = Answer(Request(Sum));
        GenerationResult further = Answer(Request(Sum) with { IgnoreEndOfText = true, MaxTokens = 6 });

        Assert.That((result.Text, result.Reason, result.Tokens.Count), Is.EqualTo(("125", FinishReason.EndOfText, 3)));
        Assert.That((further.Reason, further.Tokens.Count), Is.EqualTo((FinishReason.MaxTokens, 6)));
        Assert.That(further.Tokens, Does.Contain(257), "the end of text, which has no text");
        Assert.That(further.Text, Does.StartWith("125"));
    }

    [Test]
    public void A_stop_text_ends_an_answer_and_is_not_part_of_it()
    {
        GenerationResult result = Answer(Request(Sum) with { StopStrings = ["25"] });
        GenerationResult never = Answer(Request(Sum) with { StopStrings = ["25!"] });

        Assert.That((result.Text, result.Reason, result.Tokens.Count), Is.EqualTo(("1", FinishReason.StopString, 3)));
        Assert.That((never.Text, never.Reason), Is.EqualTo(("125", FinishReason.EndOfText)));
    }

    [Test]
    public void The_context_ends_an_answer()
    {
        int[] prompt = [.. Enumerable.Repeat(97, 60)];

        GenerationResult result = Answer(new GenerationRequest(prompt) { IgnoreEndOfText = true });

        Assert.That((result.Tokens.Count, result.Reason), Is.EqualTo((4, FinishReason.ContextFull)));
    }

    [Test]
    public void More_prompts_than_a_batch_holds_are_answered_as_each_is_alone()
    {
        var options = new SamplingOptions { Temperature = 1, TopK = 20, Seed = 9 };
        GenerationRequest[] requests =
        [
            .. Enumerable.Range(0, Generator.MaxBatch + 20).Select(i =>
                Request($"add {i}+{7 * i}=") with { Sampling = options, Stream = (ulong)i, MaxTokens = 1 + (i % 9) }),
        ];
        var texts = new StringBuilder[requests.Length];
        var done = new List<int>();

        IReadOnlyList<GenerationResult> results = _generator.Run(
            requests, (request, text) => (texts[request] ??= new StringBuilder()).Append(text), done.Add);

        Assert.That(done, Is.EquivalentTo(Enumerable.Range(0, requests.Length)));
        for (int i = 0; i < requests.Length; i++)
        {
            Assert.That(texts[i]?.ToString() ?? "", Is.EqualTo(results[i].Text));
            if (i % 7 == 0)
            {
                Assert.That(Answer(requests[i]).Tokens, Is.EqualTo(results[i].Tokens), $"request {i}");
            }
        }
    }

    [Test]
    public void Streams_of_one_seed_answer_differently_and_the_same_each_time()
    {
        GenerationRequest request = Request("add 1") with { Sampling = new SamplingOptions { Temperature = 1.5, Seed = 4 }, MaxTokens = 20 };
        GenerationRequest[] requests = [request, request with { Stream = 1 }, request];

        IReadOnlyList<GenerationResult> results = _generator.Run(requests);

        Assert.That(results[2].Tokens, Is.EqualTo(results[0].Tokens));
        Assert.That(results[1].Tokens, Is.Not.EqualTo(results[0].Tokens));
    }

    [Test]
    public void It_can_be_ended_between_two_tokens()
    {
        using var cancellation = new CancellationTokenSource();
        string text = "";

        Assert.That(
            () => _generator.Run([Request(Sum)], Take, cancellation: cancellation.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(text, Is.EqualTo("12"));

        void Take(int request, string piece)
        {
            text += piece;
            if (text.Length == 2)
            {
                cancellation.Cancel();
            }
        }
    }

    [Test]
    public void Times_are_told()
    {
        GenerationResult result = Answer(Request(Sum));

        Assert.That(result.PromptTime, Is.GreaterThan(TimeSpan.Zero));
        Assert.That(result.AnswerTime, Is.GreaterThan(TimeSpan.Zero));
    }

    [Test]
    public void A_prompt_that_is_too_long_or_of_another_tokenizer_is_refused()
    {
        Assert.That(
            () => Answer(new GenerationRequest(new int[65])),
            Throws.InstanceOf<InterfuseException>().With.Message.Contains("65 tokens").And.Message.Contains("context of 64"));
        Assert.That(
            () => Answer(new GenerationRequest(new[] { 259 })),
            Throws.InstanceOf<InterfuseException>().With.Message.Contains("no token 259"));
    }

    private static GenerationRequest Request(string prompt) => new(TinyExperts.Tokenizer.Encode(prompt));

    private GenerationResult Answer(GenerationRequest request) => _generator.Run([request])[0];
}
