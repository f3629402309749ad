using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Evaluation;
using Interfuse.Inference.Models;
using Interfuse.Inference.Routing;

namespace Interfuse.Inference.Tests.Routing;

/// <summary>Routers of a pack of the tiny experts: they find the right one, and know what is nobody's.</summary>
public sealed class TinyExpertRoutingTests
{
    private RoutedTinyExperts _pack = null!;
    private RouterTraining _half = null!;

    [OneTimeSetUp]
    public void MakePack()
    {
        _pack = new RoutedTinyExperts();
        _half = _pack.Train(depth: 2);
    }

    [OneTimeTearDown]
    public void DeletePack() => _pack.Dispose();

    [TestCase(0, 0.98, 0.5)]
    [TestCase(2, 0.98, 0.8)]
    [TestCase(4, 0.98, 0.8)]
    public void Prompts_of_a_task_find_its_expert_and_those_of_none_are_doubted(int depth, double right, double doubted)
    {
        RouterTraining training = depth == 2 ? _half : _pack.Train(depth);
        RouterFacts facts = training.Router.Facts;
        Router classifier = _pack.Route(training.Router, RoutePolicy.Classifier);
        Router uncertainty = _pack.Route(training.Router, RoutePolicy.Uncertainty);
        var shares = new List<double>();
        var sure = new List<double>();
        foreach (string task in TinyExperts.Tasks)
        {
            var expert = ExpertMix.Of(_pack.Manifest.Experts.ToList().IndexOf(task));
            string[] prompts = RoutedTinyExperts.Prompts("tasks", task + ".jsonl");
            shares.Add(classifier.Route(prompts).Average(route => route.Mix.Equals(expert) ? 1.0 : 0));
            sure.Add(uncertainty.Route(prompts).Average(route => route.Mix.Equals(expert) ? 1.0 : 0));
        }

        double[] strangers =
        [
            .. new[] { "skills.jsonl", "text.jsonl" }.Select(file =>
                uncertainty.Route(RoutedTinyExperts.Prompts("unrelated", file)).Average(route => route.Mix.IsSingle ? 0.0 : 1)),
        ];
        TestContext.Out.WriteLine(
            $"depth {depth}: held out {facts.Accuracy:p2}, calibration error {facts.ErrorBefore:p2} before and {facts.ErrorAfter:p2} after; "
            + $"tasks routed right {shares.Average():p2}, alone {sure.Average():p2}; doubted: skills {strangers[0]:p0}, text {strangers[1]:p0}");
        Assert.Multiple(() =>
        {
            Assert.That(training.Converged);
            Assert.That(facts.Accuracy, Is.GreaterThanOrEqualTo(right));
            Assert.That(facts.ErrorAfter, Is.LessThan(facts.ErrorBefore));
            Assert.That(shares.Average(), Is.GreaterThanOrEqualTo(right));
            Assert.That(strangers, Has.All.GreaterThan(doubted));
            Assert.That(sure.Average(), Is.GreaterThan(depth == 0 ? 0.7 : right), "the experts' own prompts are not doubted");
        });
    }

    [Test]
    public void A_router_is_the_same_on_any_number_of_threads_and_comes_back_out_of_the_pack()
    {
        using Decoder single = TinyExperts.LoadFrom(_pack.Path, threads: 1);
        RouterTraining other = RouterCalibration.Train(
            _pack.Manifest, single, TinyExperts.Tokenizer, _pack.Calibration.Prompts, new RouterFeatures(2), new());
        byte[] first = Installed("one", _half.Router);

        Assert.That(Installed("two", other.Router), Is.EqualTo(first));
        Assert.That(Installed("three", _pack.Train(depth: 2, seed: 5).Router), Is.Not.EqualTo(first));
        using var weights = ModelWeights.Open(_pack.Beside("one"));
        using Decoder decoder = Decoder.Load(weights, new CpuDevice(2));
        var router = new Router(weights.OpenRouter(), decoder, TinyExperts.Tokenizer, RoutePolicy.Uncertainty);
        RouteDecision decision = router.Route("sort planet=");
        RouteDecision expected = _pack.Route(_half.Router, RoutePolicy.Uncertainty).Route("sort planet=");
        Assert.That(decision.Mix, Is.EqualTo(ExpertMix.Of(3)));
        Assert.That(decision.Scores.Probabilities, Is.EqualTo(expected.Scores.Probabilities));
        Assert.That(decision.Scores.Distance, Is.EqualTo(expected.Scores.Distance));
    }

    [Test]
    public void A_prompt_is_routed_alike_whatever_is_routed_with_it()
    {
        Router router = _pack.Route(_half.Router, RoutePolicy.Mixture);
        string[] prompts = ["add 1+2=", "cipher qwerty=", "nobody sells the moon."];
        IReadOnlyList<RouteDecision> together = router.Route(prompts);

        for (int i = 0; i < prompts.Length; i++)
        {
            Assert.That(router.Route(prompts[i]).Mix, Is.EqualTo(together[i].Mix));
        }
    }

    [Test]
    public void Samples_are_answered_by_whom_the_router_names([Values] RoutePolicy policy)
    {
        var evaluator = new Evaluator(_pack.Decoder, TinyExperts.Tokenizer, new EvaluationOptions { MaxTokens = 12 });
        EvaluationTask[] tasks = [.. TinyExperts.Tasks.Select(task => EvaluationTask.Load(TinyExperts.TaskPath(task)))];
        EvaluationTask mixed = tasks[0] with { Samples = [.. tasks.SelectMany(task => task.Samples.Take(6))] };

        EvaluationResult result = evaluator.Evaluate(mixed, _pack.Route(_half.Router, policy));

        for (int i = 0; i < mixed.Samples.Count; i++)
        {
            SampleResult sample = result.Samples[i];
            EvaluationTask alone = mixed with { Samples = [mixed.Samples[i]] };
            Assert.That(sample.Route!.Policy, Is.EqualTo(policy));
            Assert.That(sample.Answer, Is.EqualTo(evaluator.Evaluate(alone, sample.Route.Mix).Samples[0].Answer), sample.Sample.Prompt);
        }

        Assert.That(result.Value, Is.GreaterThan(0.8));
    }

    [Test]
    public void Likelihoods_of_choices_and_texts_are_those_of_whom_the_router_names()
    {
        var evaluator = new Evaluator(_pack.Decoder, TinyExperts.Tokenizer, new EvaluationOptions());
        Router router = _pack.Route(_half.Router, RoutePolicy.Classifier);
        EvaluationSample[] choices = [new(1, "add 2+2=", ["4"], ["4", "5"]), new(2, "sort cab=", ["abc"], ["cab", "abc"])];
        EvaluationSample[] texts = [new(1, "add 2+2=4", [], []), new(2, "reverse abc=cba", [], [])];
        EvaluationTask[] tasks =
            [new("choices", EvaluationKind.MultipleChoice, choices), new("texts", EvaluationKind.Perplexity, texts)];
        foreach (EvaluationTask task in tasks)
        {
            EvaluationResult result = evaluator.Evaluate(task, router);

            Assert.That(result.Samples.Select(sample => sample.Route!.Mix).Distinct().Count(), Is.EqualTo(2));
            for (int i = 0; i < task.Samples.Count; i++)
            {
                EvaluationResult alone = evaluator.Evaluate(task with { Samples = [task.Samples[i]] }, result.Samples[i].Route!.Mix);
                Assert.That(result.Samples[i].LogLikelihoods, Is.EqualTo(alone.Samples[0].LogLikelihoods));
            }
        }
    }

    [Test]
    public void Many_short_texts_are_read_each_by_a_mixture_of_its_own()
    {
        var evaluator = new Evaluator(_pack.Decoder, TinyExperts.Tokenizer, new EvaluationOptions());
        EvaluationSample[] samples = [.. Enumerable.Range(0, 150).Select(i => new EvaluationSample(i + 1, $"{i}", [], []))];

        EvaluationResult result = evaluator.Evaluate(
            new EvaluationTask("numbers", EvaluationKind.Perplexity, samples), _pack.Route(_half.Router, RoutePolicy.Mixture));

        Assert.That(result.Samples.Select(sample => sample.Route!.Mix).Distinct().Count(), Is.GreaterThan(Decoder.MaxMixtures));
        Assert.That(result.Value, Is.Positive);
    }

    [Test]
    public void An_empty_prompt_can_t_be_routed()
    {
        var evaluator = new Evaluator(_pack.Decoder, TinyExperts.Tokenizer, new EvaluationOptions());
        var task = new EvaluationTask("gaps", EvaluationKind.ExactMatch, [new(7, "", ["4"], [])]);

        Assert.That(
            () => evaluator.Evaluate(task, _pack.Route(_half.Router, RoutePolicy.Classifier)),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("line 7 of the task 'gaps' has an empty prompt"));
    }

    [Test]
    public void A_router_does_not_go_with_another_model()
    {
        using Decoder plain = TinyExperts.Load("add");

        Assert.That(
            () => new Router(_half.Router, plain, TinyExperts.Tokenizer, RoutePolicy.Classifier),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("its router was made for 4 experts"));
        Assert.That(
            () => new Router(_half.Router, _pack.Decoder, TinyExperts.Tokenizer, RoutePolicy.Uncertainty, new RouteMarks(2, 1, 1)),
            Throws.ArgumentException.With.Message.Contains("the low mark is 2"));
        using var model = ModelWeights.Open(TinyExperts.PathOf("add"));
        Assert.That(() => model.OpenRouter(), Throws.TypeOf<InterfuseException>().With.Message.Contains("plain model"));
    }

    [Test]
    public void A_model_that_computes_no_numbers_is_refused_with_the_prompt()
    {
        string broken = Copy("broken");
        string file = Path.Combine(broken, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(file);
        using (var checkpoint = Checkpoints.SafetensorsFile.Open(file))
        {
            Checkpoints.TensorInfo embedding = checkpoint.Tensors.Single(tensor => tensor.Name == "model.embed_tokens.weight");
            bytes.AsSpan((int)embedding.Offset, (int)embedding.ByteLength).Fill(0xff);
        }

        File.WriteAllBytes(file, bytes);
        using Decoder decoder = TinyExperts.LoadFrom(broken);

        Assert.That(
            () => RouterCalibration.Train(
                _pack.Manifest, decoder, TinyExperts.Tokenizer, _pack.Calibration.Prompts, new RouterFeatures(1), new()),
            Throws.TypeOf<InterfuseException>().With.Message.Match(@"add\.jsonl: line 1: .*NaN, no finite number"));
        Assert.That(
            () => new Router(_half.Router, decoder, TinyExperts.Tokenizer, RoutePolicy.Classifier).Route("add 1+1="),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("no finite number"));
    }

    [Test]
    public void Training_can_be_stopped_and_tells_how_far_it_is()
    {
        using var stop = new CancellationTokenSource();
        var progress = new Stopper(stop, at: 128);

        Assert.That(
            () => RouterCalibration.Train(
                _pack.Manifest, _pack.Decoder, TinyExperts.Tokenizer, _pack.Calibration.Prompts, new RouterFeatures(0), new(), progress,
                stop.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(progress.Last, Is.EqualTo(128));
    }

    private byte[] Installed(string name, PackRouter router)
    {
        string pack = Copy(name);
        RouterInstaller.Install(pack, router);
        Assert.That(ExpertPack.Verify(pack).Faults, Is.Empty);
        return File.ReadAllBytes(Path.Combine(pack, PackManifest.RouterFileName));
    }

    private string Copy(string name)
    {
        string target = _pack.Beside(name);
        Directory.CreateDirectory(target);
        foreach (string file in Directory.GetFiles(_pack.Path))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }

        return target;
    }

    private sealed class Stopper(CancellationTokenSource stop, int at) : IProgress<int>
    {
        public int Last { get; private set; }

        public void Report(int value)
        {
            Last = value;
            if (value >= at)
            {
                stop.Cancel();
            }
        }
    }
}
