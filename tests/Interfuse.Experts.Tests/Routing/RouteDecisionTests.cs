using Interfuse.Experts.Routing;

namespace Interfuse.Experts.Tests.Routing;

public sealed class RouteDecisionTests
{
    private static readonly string[] Experts = ["a", "b", "c", "d"];

    [Test]
    public void A_classifier_takes_the_likeliest_and_the_first_of_equals()
    {
        Assert.That(Of(RoutePolicy.Classifier, 0.1, 0.6, 0.2, 0.1).Mix, Is.EqualTo(ExpertMix.Of(1)));
        Assert.That(Of(RoutePolicy.Classifier, 0.2, 0.3, 0.2, 0.3).Mix, Is.EqualTo(ExpertMix.Of(1)));
        Assert.That(Of(RoutePolicy.Classifier, 0.25, 0.25, 0.25, 0.25).Outcome, Is.EqualTo(RouteOutcome.Expert));
    }

    [Test]
    public void A_mixture_takes_all_by_their_probability_but_those_of_next_to_none()
    {
        RouteDecision decision = Of(RoutePolicy.Mixture, 0.5, 0.25, 0.25, 0);

        Assert.That(decision.Mix, Is.EqualTo(ExpertMix.Weighted(new(0, 0.5f), new(1, 0.25f), new(2, 0.25f))));
        Assert.That(decision.Outcome, Is.EqualTo(RouteOutcome.Mixture));
        Assert.That(Of(RoutePolicy.Mixture, 1 - 3e-9, 1e-9, 1e-9, 1e-9).Mix, Is.EqualTo(ExpertMix.Of(0)));
    }

    [Test]
    public void Who_is_sure_takes_one_expert()
    {
        RouteDecision decision = Of(RoutePolicy.Uncertainty, 0.001, 0.001, 0.997, 0.001);

        Assert.That(decision.Scores.Uncertainty, Is.LessThan(0.1));
        Assert.That((decision.Mix, decision.Outcome), Is.EqualTo((ExpertMix.Of(2), RouteOutcome.Expert)));
        Assert.That(decision.Why(Experts), Is.EqualTo("c: 99.7 % likely, uncertainty 0.02"));
    }

    [Test]
    public void Who_is_unsure_takes_the_fewest_that_have_the_mass_by_weight()
    {
        RouteDecision decision = Of(RoutePolicy.Uncertainty, 0.03, 0.3, 0.62, 0.05);

        Assert.That(decision.Outcome, Is.EqualTo(RouteOutcome.Mixture));
        Assert.That(decision.Mix.Parts.Select(part => part.Expert), Is.EqualTo([1, 2]));
        Assert.That(decision.Mix.Parts[1].Weight, Is.EqualTo((float)(0.62 / 0.92)));
        Assert.That(decision.Why(Experts), Does.Match("^32.6 % b \\+ 67.4 % c: uncertainty 0.6\\d$"));

        // Two do not have the mass, three do.
        Assert.That(
            Decide(new RouteMarks(0.1, 1, 0.9), 0.31, 0.31, 0.07, 0.31).Mix.Parts.Select(part => part.Expert), Is.EqualTo([0, 1, 3]));
        Assert.That(Decide(new RouteMarks(0.1, 1, 1), 0.31, 0.31, 0.07, 0.31).Mix.Parts, Has.Length.EqualTo(4));
        Assert.That(Decide(new RouteMarks(0.1, 1, 0.5), 0.03, 0.3, 0.62, 0.05).Mix, Is.EqualTo(ExpertMix.Of(2)));
    }

    [Test]
    public void Who_is_lost_takes_the_shared_model()
    {
        RouteDecision decision = Of(RoutePolicy.Uncertainty, 0.25, 0.25, 0.25, 0.25);

        Assert.That((decision.Mix, decision.Outcome), Is.EqualTo((ExpertMix.Shared, RouteOutcome.Undecided)));
        Assert.That(decision.Why(Experts), Is.EqualTo("the shared model: uncertainty 1.00"));
    }

    [Test]
    public void What_is_far_from_everything_goes_to_the_shared_model_however_sure_the_router_is()
    {
        var scores = new RouteScores([1, 0, 0, 0], Uncertainty: 0, Distance: 1.5);

        var decision = RouteDecision.Of(RoutePolicy.Uncertainty, scores, RouteMarks.Default);

        Assert.That((decision.Mix, decision.Outcome), Is.EqualTo((ExpertMix.Shared, RouteOutcome.Far)));
        Assert.That(decision.Why(Experts), Does.StartWith("the shared model: the prompt is unlike").And.Contains("1.5 times"));
        Assert.That(RouteDecision.Of(RoutePolicy.Classifier, scores, RouteMarks.Default).Mix, Is.EqualTo(ExpertMix.Of(0)));
    }

    [TestCase(-0.1, 0.5, 0.9, "the low mark is -0.1")]
    [TestCase(double.NaN, 0.5, 0.9, "the low mark is NaN")]
    [TestCase(0.5, 0.4, 0.9, "the high mark is 0.4")]
    [TestCase(0.5, 1.1, 0.9, "the high mark is 1.1")]
    [TestCase(0.1, 0.5, 0, "the mass is 0")]
    [TestCase(0.1, 0.5, 1.01, "the mass is 1.01")]
    public void Unsound_marks_are_refused(double low, double high, double mass, string fault)
    {
        Assert.That(
            () => Decide(new RouteMarks(low, high, mass), 0.5, 0.5), Throws.ArgumentException.With.Message.Contains(fault));
    }

    private static RouteDecision Of(RoutePolicy policy, params double[] probabilities) =>
        RouteDecision.Of(policy, Scores(probabilities), RouteMarks.Default);

    private static RouteDecision Decide(RouteMarks marks, params double[] probabilities) =>
        RouteDecision.Of(RoutePolicy.Uncertainty, Scores(probabilities), marks);

    private static RouteScores Scores(double[] probabilities) => new(
        probabilities,
        -probabilities.Where(p => p > 0).Sum(p => p * Math.Log(p)) / Math.Log(probabilities.Length),
        Distance: 0.5);
}
