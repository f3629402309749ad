using Interfuse.Inference.Generation;
using Interfuse.Inference.Tests.Models;
using Decoder = Interfuse.Inference.Models.Decoder;

namespace Interfuse.Inference.Tests.Generation;

/// <summary>Answers that come and go while others are made.</summary>
public sealed class AnswerBatchTests
{
    private const string Sum = "add 58+67=";

    private Decoder _decoder = null!;

    [OneTimeSetUp]
    public void Load() => _decoder = TinyExperts.Load("add", threads: 1);

    [OneTimeTearDown]
    public void Unload() => _decoder.Dispose();

    [Test]
    public void An_answer_is_the_same_whoever_comes_and_goes_and_in_whatever_parts_its_prompt_is_read()
    {
        var random = new Random(4);
        GenerationRequest[] requests =
        [
            .. Enumerable.Range(0, 30).Select(i => Request(string.Concat(Enumerable.Repeat($"add {i}+{3 * i}=", 1 + (i % 4)))) with
            {
                Sampling = new SamplingOptions { Temperature = i % 3, Seed = 2 }, Stream = (ulong)i, MaxTokens = 8, TopLogProbs = 2,
            }),
        ];
        RecordingReader[] readers = [.. requests.Select(_ => new RecordingReader())];
        using var batch = new AnswerBatch(_decoder, TinyExperts.Tokenizer);
        var removed = new List<Answer>();
        for (int next = 0; next < requests.Length || batch.Count > 0;)
        {
            for (int more = random.Next(4); more > 0 && next < requests.Length; more--, next++)
            {
                Answer answer = batch.Add(requests[next], readers[next]);
                if (next % 5 == 4)
                {
                    removed.Add(answer);
                }
            }

            batch.Advance(promptTokens: random.Next(1, 12));
            if (random.Next(4) == 0 && removed.Count > 0)
            {
                batch.Remove(removed[0]);
                removed.RemoveAt(0);
            }
        }

        for (int i = 0; i < requests.Length; i++)
        {
            (RecordingReader alone, _) = Alone(requests[i]);
            string all = Describe(alone);
            if (i % 5 == 4 && readers[i].Result is null)
            {
                Assert.That(all, Does.StartWith(Describe(readers[i])), $"request {i}, removed");
            }
            else
            {
                Assert.That(Describe(readers[i]), Is.EqualTo(all), $"request {i}");
                Assert.That(readers[i].Text, Is.EqualTo(readers[i].Result!.Text));
                Assert.That(readers[i].Tokens.Select(token => token.Id), Is.EqualTo(readers[i].Result!.Tokens));
            }
        }
    }

    [Test]
    public void Prompts_are_read_the_oldest_first_while_answers_go_on()
    {
        using var batch = new AnswerBatch(_decoder, TinyExperts.Tokenizer);
        GenerationRequest endless = Request(Sum) with { IgnoreEndOfText = true, MaxTokens = 40 };
        int length = endless.Prompt.Length;
        Answer first = batch.Add(endless);
        batch.Advance();
        Answer second = batch.Add(endless);
        Answer third = batch.Add(endless);

        batch.Advance(promptTokens: length - 1);
        Assert.That((first.TokenCount, second.PromptTokensLeft, third.PromptTokensLeft), Is.EqualTo((2, 1, length)));
        Assert.That((second.TokenCount, third.TokenCount), Is.EqualTo((0, 0)));

        batch.Advance(promptTokens: 3);
        Assert.That((first.TokenCount, second.TokenCount, third.PromptTokensLeft), Is.EqualTo((3, 1, length - 2)));

        batch.Advance(promptTokens: 0);
        Assert.That((first.TokenCount, second.TokenCount, third.PromptTokensLeft), Is.EqualTo((4, 2, length - 2)));

        batch.Advance();
        Assert.That((first.TokenCount, second.TokenCount, third.TokenCount), Is.EqualTo((5, 3, 1)));
    }

    [Test]
    public void What_leaves_gives_its_pages_back()
    {
        using var batch = new AnswerBatch(_decoder, TinyExperts.Tokenizer);
        GenerationRequest endless = Request(Sum) with { IgnoreEndOfText = true, MaxTokens = 3 };
        long page = _decoder.CacheBytes(1);
        Answer removed = batch.Add(endless);
        Answer stays = batch.Add(endless);
        batch.Advance();
        Assert.That((batch.Count, removed.IsOver, _decoder.CacheBytesInUse), Is.EqualTo((2, false, 2 * page)));

        batch.Remove(removed);
        Assert.That((batch.Count, removed.IsOver, removed.Result, _decoder.CacheBytesInUse), Is.EqualTo((1, true, (object?)null, page)));
        batch.Remove(removed);

        batch.Advance();
        batch.Advance();
        Assert.That((batch.Count, stays.IsOver, stays.Result!.Tokens.Count), Is.EqualTo((0, true, 3)));
        Assert.That(_decoder.CacheBytesInUse, Is.Zero);

        batch.Add(endless);
        batch.Advance(promptTokens: 4);
        batch.Dispose();
        Assert.That(_decoder.CacheBytesInUse, Is.Zero);
    }

    [Test]
    public void A_reader_that_throws_ends_its_own_answer_only()
    {
        using var batch = new AnswerBatch(_decoder, TinyExperts.Tokenizer);
        var good = new RecordingReader();
        var bad = new RecordingReader { Then = _ => throw new InvalidTimeZoneException("mine") };
        var meddling = new RecordingReader { Then = _ => batch.Advance() };
        Answer[] answers = [.. new[] { bad, good, meddling }.Select(reader => batch.Add(Request(Sum), reader))];
        while (batch.Count > 0)
        {
            batch.Advance();
        }

        Assert.That(answers[0].Fault, Is.InstanceOf<InvalidTimeZoneException>());
        Assert.That((bad.Tokens.Count, bad.Result, bad.Fault), Is.EqualTo((1, (object?)null, (object?)null)));
        Assert.That((answers[0].IsOver, answers[0].Result), Is.EqualTo((true, (object?)null)));
        Assert.That((good.Text, answers[1].Fault), Is.EqualTo(("125", (object?)null)));
        Assert.That(answers[2].Fault, Is.InstanceOf<InvalidOperationException>());
        Assert.That(_decoder.CacheBytesInUse, Is.Zero);
        Assert.That(
            () => new Generator(_decoder, TinyExperts.Tokenizer).Run([Request(Sum)], (_, _) => throw new InvalidTimeZoneException()),
            Throws.InstanceOf<InvalidTimeZoneException>());
    }

    [Test]
    public void Text_that_may_begin_a_stop_string_comes_later_and_at_the_end_at_the_latest()
    {
        (RecordingReader held, GenerationResult result) = Alone(Request(Sum) with { StopStrings = ["125!"] });
        (RecordingReader stopped, GenerationResult cut) = Alone(Request(Sum) with { StopStrings = ["25"] });

        Assert.That(held.Tokens.Select(token => token.Text), Is.EqualTo(["", "", ""]));
        Assert.That((held.Text, result.Text), Is.EqualTo(("125", "125")));
        Assert.That(stopped.Tokens.Select(token => token.Text), Is.EqualTo(["1", "", ""]));
        Assert.That((cut.Text, cut.Reason), Is.EqualTo(("1", FinishReason.StopString)));
    }

    [Test]
    public void What_can_not_be_answered_is_refused_and_leaves_nothing_behind()
    {
        using var batch = new AnswerBatch(_decoder, TinyExperts.Tokenizer);

        Assert.That(() => batch.Add(new GenerationRequest(new int[65])), Throws.InstanceOf<InterfuseException>());
        Assert.That(() => batch.Add(new GenerationRequest(new[] { 259 })), Throws.InstanceOf<InterfuseException>());
        Assert.That(() => batch.Add(new GenerationRequest(default)), Throws.ArgumentException);
        Assert.That(() => batch.Add(Request(Sum) with { Mix = Interfuse.Experts.ExpertMix.Of(1) }), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => batch.Add(Request(Sum) with { MaxTokens = 0 }), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => batch.Add(Request(Sum) with { TopLogProbs = 21 }), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => batch.Add(Request(Sum) with { StopStrings = ["a", ""] }), Throws.InstanceOf<ArgumentException>());
        Assert.That(
            () => batch.Add(Request(Sum) with { Sampling = new SamplingOptions { TopP = 2 } }), Throws.InstanceOf<ArgumentException>());
        Assert.That((batch.Count, _decoder.CacheBytesInUse), Is.EqualTo((0, 0L)));

        for (int i = 0; i < AnswerBatch.MaxAnswers; i++)
        {
            batch.Add(Request(Sum));
        }

        Assert.That(() => batch.Add(Request(Sum)), Throws.InvalidOperationException);
    }

    [Test]
    public void A_model_without_numbers_ends_the_answers_of_its_expert_only()
    {
        using var experts = new VariedExperts("llama-biases", 3, broken: 1);
        using Decoder decoder = TinyExperts.LoadFrom(experts.Path);
        using var batch = new AnswerBatch(decoder, TinyExperts.Tokenizer);
        RecordingReader[] readers = [.. Enumerable.Range(0, 3).Select(_ => new RecordingReader())];
        Answer[] answers =
        [
            .. readers.Select((reader, expert) => batch.Add(
                new GenerationRequest(new[] { 1, 17, 40 }, expert) { MaxTokens = 5, IgnoreEndOfText = true }, reader)),
        ];
        while (batch.Count > 0)
        {
            batch.Advance();
        }

        Assert.That(readers.Select(reader => reader.Tokens.Count), Is.EqualTo([5, 0, 5]));
        Assert.That(answers[1].Fault, Is.InstanceOf<InterfuseException>().With.Message.Contains("not a number"));
        Assert.That((readers[1].Fault, readers[1].Result), Is.EqualTo((answers[1].Fault, (GenerationResult?)null)));
        Assert.That((answers[0].Fault, answers[2].Result!.Tokens.Count), Is.EqualTo(((Exception?)null, 5)));
        Assert.That(
            () => new Generator(decoder, TinyExperts.Tokenizer).Run([answers[0].Request, answers[1].Request]),
            Throws.InstanceOf<InterfuseException>().With.Message.Contains("not a number"));
    }

    [Test]
    public void Log_probabilities_are_those_of_the_models_own_logits()
    {
        GenerationRequest request = Request(Sum) with
        {
            TopLogProbs = 3,
            MaxTokens = 2,
            Sampling = new SamplingOptions { Temperature = 3, RepetitionPenalty = 5, Seed = 1 },
        };
        (RecordingReader reader, _) = Alone(request);
        float[] logits = _decoder.LastLogits(request.Prompt.ToArray());
        TokenLogProbs first = reader.Tokens[0].LogProbs!;

        int[] likeliest = [.. Enumerable.Range(0, logits.Length).OrderByDescending(token => logits[token]).ThenBy(token => token).Take(3)];
        Assert.That(first.Likeliest.Select(one => one.Id), Is.EqualTo(likeliest));
        Assert.That(first.Chosen.Id, Is.EqualTo(reader.Tokens[0].Id));
        double sum = logits.Sum(logit => Math.Exp(logit));
        foreach (TokenLogProb one in first.Likeliest.Append(first.Chosen))
        {
            Assert.That(one.LogProb, Is.EqualTo(Math.Log(Math.Exp(logits[one.Id]) / sum)).Within(1e-9), $"token {one.Id}");
            Assert.That(one.Text, Is.EqualTo(TinyExperts.Tokenizer.Decode([one.Id])));
        }

        (RecordingReader none, _) = Alone(request with { TopLogProbs = 0 });
        Assert.That(none.Tokens[0].LogProbs!.Likeliest, Is.Empty);
        Assert.That(none.Tokens[0].LogProbs!.Chosen.LogProb, Is.EqualTo(first.Chosen.LogProb));
        Assert.That(Alone(request with { TopLogProbs = null }).Reader.Tokens[0].LogProbs, Is.Null);
    }

    [Test]
    public void A_bias_for_a_token_that_the_model_has_not_is_refused_before_the_batch_knows_it()
    {
        using var batch = new AnswerBatch(_decoder, TinyExperts.Tokenizer);
        GenerationRequest request = Request(Sum) with
        {
            Sampling = new SamplingOptions { LogitBias = new Dictionary<int, double> { [_decoder.Config.VocabularySize] = 1 } },
        };

        Assert.That(() => batch.Add(request), Throws.InstanceOf<ArgumentException>());
        Assert.That(batch.Count, Is.Zero);
    }

    [Test]
    public void The_likeliest_tokens_are_found_among_equals_and_impossible_ones()
    {
        float[] logits = [-1f, 2f, float.NegativeInfinity, 2f, 1f, 2f, float.NegativeInfinity];
        int[] Ids(int count) => [.. new LogProbReader(TinyExperts.Tokenizer, count).Read(logits, 0).Likeliest.Select(one => one.Id)];

        Assert.That(Ids(0), Is.Empty);
        Assert.That(Ids(2), Is.EqualTo([1, 3]));
        Assert.That(Ids(4), Is.EqualTo([1, 3, 5, 4]));
        Assert.That(Ids(20), Is.EqualTo([1, 3, 5, 4, 0, 2, 6]));
        Assert.That(new LogProbReader(TinyExperts.Tokenizer, 0).Read(logits, 2).Chosen.LogProb, Is.EqualTo(double.NegativeInfinity));
        foreach (float wrong in new[] { float.NaN, float.PositiveInfinity })
        {
            Assert.That(
                () => new LogProbReader(TinyExperts.Tokenizer, 1).Read([0f, wrong], 0), Throws.InstanceOf<InterfuseException>());
        }

        Assert.That(
            () => new LogProbReader(TinyExperts.Tokenizer, 1).Read([float.NegativeInfinity], 0), Throws.InstanceOf<InterfuseException>());
    }

    internal static string Describe(RecordingReader reader) => string.Join(' ', reader.Tokens.Select(token =>
        $"{token.Id}:{token.Text}:{string.Join(',', token.LogProbs?.Likeliest.Prepend(token.LogProbs.Chosen)
            .Select(one => $"{one.Id}={BitConverter.DoubleToInt64Bits(one.LogProb):X}") ?? [])}"));

    private static GenerationRequest Request(string prompt) => new(TinyExperts.Tokenizer.Encode(prompt));

    private (RecordingReader Reader, GenerationResult Result) Alone(GenerationRequest request)
    {
        using var batch = new AnswerBatch(_decoder, TinyExperts.Tokenizer);
        var reader = new RecordingReader();
        Answer answer = batch.Add(request, reader);
        while (batch.Count > 0)
        {
            batch.Advance();
        }

        return (reader, answer.Result!);
    }
}
