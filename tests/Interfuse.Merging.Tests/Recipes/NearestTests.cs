using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Tests.Recipes;

public sealed class NearestTests
{
    private static readonly string[] Known = ["weight", "density", "t", "lambda", "dare_ties", "dare_linear", "ties"];

    [TestCase("wieght", "weight")]
    [TestCase("weigth", "weight")]
    [TestCase("weights", "weight")]
    [TestCase("wght", null)]
    [TestCase("Density", "density")]
    [TestCase("dare-ties", "dare_ties")]
    [TestCase("DARE-LINER", "dare_linear")]
    [TestCase("tie", "ties")]
    [TestCase("x", null)]
    [TestCase("epsilon", null)]
    [TestCase("", null)]
    public void A_slip_is_recognised_and_another_word_is_not(string word, string? expected)
    {
        Assert.That(Nearest.To(word, Known), Is.EqualTo(expected));
    }

    [Test]
    public void The_closest_word_wins_and_then_the_first()
    {
        Assert.That(Nearest.To("abcdef", ["abcdxx", "abcdex", "abcdez"]), Is.EqualTo("abcdex"));
    }

    [Test]
    public void A_word_of_any_length_is_answered()
    {
        Assert.That(Nearest.To(new string('a', 1_000_000), [new string('a', 999_999)]), Is.Null);
    }
}
