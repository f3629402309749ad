using Interfuse.Experts.Routing;
using Interfuse.Inference.Chat;
using Interfuse.Inference.Generation;
using Interfuse.Server.Engine;
using static Interfuse.Server.Tests.Engine.WholeAnswers;

namespace Interfuse.Server.Tests.Engine;

/// <summary>Requests to the engine: who answers, what comes, and what is refused.</summary>
public sealed class ExpertEngineTests
{
    private EngineHost _host = null!;

    private IExpertEngine Engine => _host.Engine;

    [OneTimeSetUp]
    public async Task Start() => _host = await EngineHost.StartAsync(options =>
    {
        options.Models.Add(new ModelSource { Path = TinyPack.Path });
        options.Models.Add(new ModelSource { Path = TinyPack.PathOf("base"), Name = "plain" });
        options.MaxAnswerTokens = 40;
    });

    [OneTimeTearDown]
    public async Task Stop() => await _host.DisposeAsync();

    [Test]
    public void Every_expert_is_named_and_the_router_and_what_they_share()
    {
        Assert.That(
            Engine.Names.Select(name => name.Id),
            Is.EqualTo(["tiny/add", "tiny/cipher", "tiny/reverse", "tiny/sort", "tiny/auto", "tiny/shared", "plain"]));
        Assert.That(Engine.Find("sort").Id, Is.EqualTo("tiny/sort"));
        Assert.That(Engine.Find("auto").Kind, Is.EqualTo(ExpertNameKind.Auto));
    }

    [Test]
    public async Task Mixed_requests_at_once_are_answered_as_each_is_alone()
    {
        (string Prompt, int Expert, int MaxTokens)[] requests =
        [
            .. Enumerable.Range(0, 200).Select(i =>
                (TinyPack.Prompts(TinyPack.Experts[i % 4])[i], (i + (i / 7)) % 4, 1 + (i % 20))),
        ];
        string[] expected = TinyPack.AnswersAlone(requests);

        WholeAnswer[] answers = await Task.WhenAll(requests.Select(request => Task.Run(() => Engine.AskAsync(
            Request("tiny/" + TinyPack.Experts[request.Expert], request.Prompt, request.MaxTokens)))));

        Assert.That(answers.Select(answer => answer.Text), Is.EqualTo(expected));
        Assert.That(
            answers.Select(answer => answer.By.Name), Is.EqualTo(requests.Select(request => TinyPack.Experts[request.Expert])));
        Assert.That(answers.Select(answer => answer.By.Route), Has.All.Null);
    }

    [Test]
    public async Task A_routed_prompt_is_answered_by_its_expert_and_says_how_sure_the_router_was()
    {
        foreach (string task in TinyPack.Experts)
        {
            WholeAnswer answer = await Engine.AskAsync(Request("tiny/auto", TinyPack.Prompts(task)[3]));

            Assert.That(answer.By.Name, Is.EqualTo(task));
            Assert.That(answer.By.Route!.Policy, Is.EqualTo(RoutePolicy.Uncertainty));
            Assert.That(answer.By.Route.Scores.Probabilities.Max(), Is.GreaterThan(0.9));
            Assert.That(answer.Text, Is.EqualTo((await Engine.AskAsync(Request(task, TinyPack.Prompts(task)[3]))).Text));
        }
    }

    [Test]
    public async Task A_prompt_of_nobody_goes_to_the_shared_model_where_the_policy_doubts()
    {
        const string Text = "nobody walks to his garden.";

        WholeAnswer doubted = await Engine.AskAsync(Request("auto", Text));
        WholeAnswer forced = await Engine.AskAsync(Request("auto", Text) with { Policy = RoutePolicy.Classifier });

        Assert.That(doubted.By.Name, Is.EqualTo("shared"));
        Assert.That(forced.By.Name, Is.AnyOf(TinyPack.Experts));
        Assert.That(doubted.Text, Is.EqualTo((await Engine.AskAsync(Request("tiny/shared", Text))).Text));
    }

    [Test]
    public async Task A_mixture_answers_as_it_is_written()
    {
        WholeAnswer answer = await Engine.AskAsync(
            Request("tiny/auto", "sort planet=") with { Mixture = "sort=0.75, reverse=0.25" });

        Assert.That(answer.By.Name, Is.EqualTo("reverse=0.25,sort=0.75"));
        Assert.That(answer.By.Route, Is.Null);
    }

    [Test]
    public async Task Stops_ends_and_probabilities_come_as_asked_for()
    {
        WholeAnswer free = await Engine.AskAsync(Request("sort", "sort planet="));
        WholeAnswer stopped = await Engine.AskAsync(Request("sort", "sort planet=") with { StopStrings = [free.Text[2..4]] });
        WholeAnswer cut = await Engine.AskAsync(Request("sort", "sort planet=", maxTokens: 3));
        WholeAnswer probable = await Engine.AskAsync(Request("sort", "sort planet=") with { TopLogProbs = 2 });

        Assert.That(free.End.Reason, Is.EqualTo(FinishReason.EndOfText));
        Assert.That(stopped.Text, Is.EqualTo(free.Text[..2]));
        Assert.That(stopped.End.Reason, Is.EqualTo(FinishReason.StopString));
        Assert.That(cut.End, Has.Property("Reason").EqualTo(FinishReason.MaxTokens).And.Property("AnswerTokens").EqualTo(3));
        AnswerToken[] tokens = [.. probable.Pieces.SelectMany(piece => piece.Tokens)];
        Assert.That(tokens, Has.Length.EqualTo(probable.End.AnswerTokens));
        Assert.That(tokens.Select(token => token.LogProbs!.Likeliest.Count), Has.All.EqualTo(2));
        Assert.That(tokens.Select(token => token.LogProbs!.Chosen.LogProb), Has.All.InRange(-1.0, 0.0));
        Assert.That(free.Pieces.SelectMany(piece => piece.Tokens), Is.Empty);
        Assert.That(free.End.FirstTokenTime, Is.GreaterThan(TimeSpan.Zero).And.LessThanOrEqualTo(free.End.TotalTime));
    }

    [Test]
    public async Task The_same_seed_draws_the_same_answer_whatever_else_runs()
    {
        EngineRequest request = Request("tiny/shared", "order of the ") with
        {
            Sampling = new SamplingOptions { Temperature = 1.5, Seed = 11 },
        };

        WholeAnswer alone = await Engine.AskAsync(request);
        WholeAnswer[] together = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Engine.AskAsync(request)));

        Assert.That(together.Select(answer => answer.Text), Has.All.EqualTo(alone.Text));
    }

    [Test]
    public async Task Features_and_routes_are_told_without_an_answer()
    {
        float[] features = await Engine.EmbedAsync("tiny", "sort planet=");
        RouteDecision route = await Engine.RouteAsync("tiny", "sort planet=", RoutePolicy.Mixture);

        Assert.That(features, Has.Length.EqualTo(128).And.All.Matches<float>(float.IsFinite));
        Assert.That(route.Policy, Is.EqualTo(RoutePolicy.Mixture));
        Assert.That(TinyPack.Experts[route.Scores.Best], Is.EqualTo("sort"));
        Assert.That(
            async () => await Engine.EmbedAsync("plain", "x"),
            Throws.TypeOf<EngineException>().With.Message.Contains("no router"));
    }

    [TestCase("tiny/lorem", "There is no model 'tiny/lorem'")]
    [TestCase("lorem", "There is no model 'lorem'")]
    [TestCase("tiny", "There is no model 'tiny'")]
    [TestCase("", "There is no model ''")]
    public void An_unknown_name_is_refused_and_nobody_else_answers(string name, string message)
    {
        Assert.That(
            async () => await Engine.AskAsync(Request(name, "sort planet=")),
            Throws.TypeOf<EngineException>().With.Property("Fault").EqualTo(EngineFault.UnknownModel)
                .And.Message.StartsWith(message));
    }

    [Test]
    public void Requests_outside_the_bounds_are_refused()
    {
        string longest = new('a', 63);
        Refused(Request("sort", ""), "Prompt", hasBegin: true);
        Refused(Request("sort", longest + "aa"), "Prompt");
        Refused(Request("sort", "x", maxTokens: 41), "MaxTokens");
        Refused(Request("sort", "x", maxTokens: 0), "MaxTokens");
        Refused(Request("sort", "x") with { StopStrings = [""] }, "StopStrings");
        Refused(Request("sort", "x") with { Sampling = Biased(1_000_000) }, "LogitBias");
        Refused(Request("sort", "x") with { Sampling = Biased(-1) }, "LogitBias");
        Refused(Request("sort", "x") with { Deadline = TimeSpan.Zero }, "Deadline");
        Refused(Request("sort", "x") with { Mixture = "sort=0.5" }, "Mixture");
        Refused(Request("plain", "x") with { Mixture = "sort=1" }, "Mixture");
        Refused(Request("auto", ""), "Prompt");
        Refused(new EngineRequest("sort", EnginePrompt.Of(new[] { 5, -1 })), "Prompt");
        Refused(new EngineRequest("sort", EnginePrompt.Of(new[] { 5, 1_000_000 })), "Prompt");
        Refused(new EngineRequest("sort", EnginePrompt.Of(ReadOnlyMemory<int>.Empty)), "Prompt");
        Refused(new EngineRequest("sort", EnginePrompt.Of([new ChatMessage("user", "hello")])), "Prompt");
    }

    private static SamplingOptions Biased(int token) => new() { LogitBias = new Dictionary<int, double> { [token] = 1 } };

    private void Refused(EngineRequest request, string parameter, bool hasBegin = false)
    {
        // With a token that begins every text, an empty prompt is none that a model can't answer.
        if (hasBegin)
        {
            Assert.That(async () => await Engine.AskAsync(request), Throws.Nothing);
            return;
        }

        EngineException? fault = Assert.ThrowsAsync<EngineException>(() => Engine.AskAsync(request));
        Assert.That(fault!.Fault, Is.EqualTo(EngineFault.BadRequest), parameter);
        Assert.That(fault.Parameter, Is.EqualTo(parameter));
    }
}
