using FsCheck;
using FsCheck.Fluent;

namespace Interfuse.Experts.Tests;

/// <summary>Mixtures of experts, and how they are written.</summary>
public sealed class ExpertMixTests
{
    private const int Cases = 300;

    private static readonly string[] Names = ["math", "code", "a, long = name", "a, long"];

    [Test]
    public void Shares_are_kept_by_ascending_expert_without_zeros()
    {
        var mix = ExpertMix.Weighted(new ExpertShare(5, 0.25f), new ExpertShare(2, 0), new ExpertShare(1, 0.75f));

        Assert.That(mix.Parts, Is.EqualTo(new[] { new ExpertShare(1, 0.75f), new ExpertShare(5, 0.25f) }));
        Assert.That((mix.IsSingle, mix.IsShared), Is.EqualTo((false, false)));
        Assert.That(() => mix.Expert, Throws.InvalidOperationException);
    }

    [TestCase(1f)]
    [TestCase(0.99995f)]
    [TestCase(1.00005f)]
    public void An_expert_that_is_left_alone_is_that_expert(float weight)
    {
        var mix = ExpertMix.Weighted(new ExpertShare(0, 0), new ExpertShare(3, weight), new ExpertShare(4, -0f));

        Assert.That(mix, Is.EqualTo(ExpertMix.Of(3)));
        Assert.That((mix.IsSingle, mix.Expert, mix.GetHashCode()), Is.EqualTo((true, 3, ExpertMix.Of(3).GetHashCode())));
    }

    [Test]
    public void Mixtures_are_equal_by_their_shares()
    {
        ExpertShare[] shares = [new(0, 0.5f), new(1, 0.5f)];

        Assert.Multiple(() =>
        {
            Assert.That(ExpertMix.Weighted(shares), Is.EqualTo(ExpertMix.Weighted(shares.Reverse())));
            Assert.That(ExpertMix.Weighted(shares), Is.EqualTo(ExpertMix.Uniform(2)));
            Assert.That(ExpertMix.Uniform(1), Is.EqualTo(ExpertMix.Of(0)));
            Assert.That(ExpertMix.Weighted(new ExpertShare(0, 0.25f), new ExpertShare(1, 0.75f)), Is.Not.EqualTo(ExpertMix.Uniform(2)));
            Assert.That(ExpertMix.Of(0), Is.Not.EqualTo(ExpertMix.Of(1)));
            Assert.That(ExpertMix.Shared, Is.Not.EqualTo(ExpertMix.Of(0)));
        });
    }

    [TestCase(new[] { 0.5f, 0.4f }, "sum to 0.9")]
    [TestCase(new[] { 0.5f, 0.5002f }, "sum to 1.0002")]
    [TestCase(new float[0], "sum to 0")]
    [TestCase(new[] { 0f, 0f }, "sum to 0")]
    [TestCase(new[] { 1.5f, -0.5f }, "expert 1 has the weight -0.5")]
    [TestCase(new[] { float.NaN, 1f }, "expert 0 has the weight NaN")]
    [TestCase(new[] { 1f, float.PositiveInfinity }, "expert 1 has the weight Infinity")]
    public void Weights_that_are_no_shares_are_refused(float[] weights, string fault)
    {
        Assert.That(
            () => ExpertMix.Weighted(weights.Select((weight, expert) => new ExpertShare(expert, weight))),
            Throws.ArgumentException.With.Message.Contains(fault));
    }

    [Test]
    public void Experts_that_are_none_or_twice_are_refused()
    {
        Assert.That(
            () => ExpertMix.Weighted(new ExpertShare(1, 0.5f), new ExpertShare(1, 0.5f)),
            Throws.ArgumentException.With.Message.Contains("expert 1 is given twice"));
        Assert.That(
            () => ExpertMix.Weighted(new ExpertShare(-1, 0.5f), new ExpertShare(1, 0.5f)),
            Throws.ArgumentException.With.Message.Contains("no expert -1"));
        Assert.That(() => ExpertMix.Of(-1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => ExpertMix.Uniform(0), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [TestCase("math=0.7,code=0.3", "math=0.7,code=0.3")]
    [TestCase(" code = 0.25 , math=75e-2 ", "math=0.75,code=0.25")]
    [TestCase("math=1", "math")]
    [TestCase("math=0,code=1", "code")]
    [TestCase("a, long = name=0.5,math=0.5", "math=0.5,a, long = name=0.5")]
    [TestCase("a, long=0.5,a, long = name=0.5", "a, long = name=0.5,a, long=0.5")]
    public void A_text_is_read_and_written_with_names(string text, string expected)
    {
        Assert.That(ExpertMix.Parse(text, Names).ToString(Names), Is.EqualTo(expected));
    }

    [TestCase("", "there is no expert ''; there are 'math', 'code'")]
    [TestCase("maths=1", "there is no expert 'maths'; there are 'math', 'code'")]
    [TestCase("math=0.5,physics=0.5", "there is no expert 'physics'")]
    [TestCase("math=0.5,", "there is no expert ''")]
    [TestCase("math", "'math' has no weight")]
    [TestCase("code=0.5,math", "'math' has no weight")]
    [TestCase("math=", "'math' has the weight '', which is no number")]
    [TestCase("math=much,code=0", "'math' has the weight 'much', which is no number")]
    [TestCase("math=0.5 code=0.5", "'math' has the weight '0.5 code=0.5', which is no number")]
    [TestCase("math=NaN,code=1", "'math' has the weight NaN, where a number of 0 or more is needed")]
    [TestCase("math=1e99,code=1", "'math' has the weight Infinity")]
    [TestCase("math=-0.5,code=1.5", "'math' has the weight -0.5")]
    [TestCase("math=0.5,math=0.5", "'math' is given twice")]
    [TestCase("math=0.7,code=0.2", "the weights sum to 0.9")]
    public void A_text_that_is_no_mixture_is_refused_with_what_is_wrong(string text, string fault)
    {
        InterfuseException error = Assert.Throws<InterfuseException>(() => ExpertMix.Parse(text, Names[..2]))!;

        Assert.That(error.Message, Does.StartWith($"There is no mixture '{text}': {fault}"));
        Assert.That(error.Message, Does.EndWith("Give experts with weights that sum to 1, for example math=0.7,code=0.3."));
    }

    [Test]
    public void What_is_written_is_read_again() => Prop.ForAll(
        Arb.From(Mixtures()),
        mix => mix.IsSingle || ExpertMix.Parse(mix.ToString(Names), Names).Equals(mix)).Check(Config.QuickThrowOnFailure.WithMaxTest(Cases));

    [Test]
    public void Words_stand_for_what_has_no_shares()
    {
        Assert.That(ExpertMix.Shared.ToString(Names), Is.EqualTo("shared"));
        Assert.That(ExpertMix.Of(1).ToString(Names), Is.EqualTo("code"));
        Assert.That(ExpertMix.Uniform(2).ToString(), Is.EqualTo("0=0.5,1=0.5"));
    }

    private static Gen<ExpertMix> Mixtures() =>
        from weights in Gen.ArrayOf(Gen.Choose(0, 1000), Names.Length)
        where weights.Any(weight => weight > 0)
        select ExpertMix.Weighted(weights.Select(
            (weight, expert) => new ExpertShare(expert, (float)(weight / (double)weights.Sum()))));
}
