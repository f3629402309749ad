using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Tests.Recipes;

public sealed class ParameterSettingTests
{
    [TestCase(0.0, 1.0)]
    [TestCase(0.25, 2.0)]
    [TestCase(0.5, 3.0)]
    [TestCase(0.75, 1.5)]
    [TestCase(1.0, 0.0)]
    public void A_gradient_is_interpolated_between_its_values(double position, double expected)
    {
        Assert.That(new GradientSetting([1, 3, 0]).Evaluate("any", position), Is.EqualTo(expected));
    }

    [Test]
    public void A_gradient_is_the_formula_in_double_precision()
    {
        double position = 3.0 / 31;
        double fraction = (position * 4) - 0;
        double expected = ((1 - fraction) * 0.1) + (fraction * 0.7);

        Assert.That(new GradientSetting([0.1, 0.7, 0.2, 0.9, 0.4]).Evaluate("any", position), Is.EqualTo(expected));
    }

    [TestCase(0.0)]
    [TestCase(0.3)]
    [TestCase(1.0)]
    public void A_gradient_of_one_value_is_constant(double position)
    {
        Assert.That(new GradientSetting([0.7]).Evaluate("any", position), Is.EqualTo(0.7));
    }

    [TestCase(-0.1)]
    [TestCase(1.1)]
    [TestCase(double.NaN)]
    public void A_gradient_refuses_a_position_outside_the_slice(double position)
    {
        Assert.That(
            () => new GradientSetting([0, 1]).Evaluate("any", position), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void A_gradient_needs_a_value()
    {
        Assert.That(() => new GradientSetting([]), Throws.ArgumentException);
    }

    [TestCase("model.layers.0.self_attn.q_proj.weight", 1.0)]
    [TestCase("model.layers.0.mlp.self_attn.weight", 1.0)]
    [TestCase("model.layers.0.mlp.up_proj.weight", 2.5)]
    [TestCase("model.layers.0.MLP.up_proj.weight", null)]
    [TestCase("model.norm.weight", null)]
    public void The_first_filter_found_in_the_name_decides(string tensor, double? expected)
    {
        var setting = new ConditionalSetting(
        [
            ("self_attn", new NumberSetting(1)),
            ("mlp", new GradientSetting([2, 3])),
            ("layers.0.mlp", new NumberSetting(4)),
        ]);

        Assert.That(setting.Evaluate(tensor, 0.5), Is.EqualTo(expected));
    }

    [TestCase(null)]
    [TestCase("*")]
    [TestCase("")]
    public void No_filter_a_star_and_an_empty_text_match_every_tensor(string? filter)
    {
        Assert.That(new ConditionalSetting([(filter, new NumberSetting(3))]).Evaluate("x", 0), Is.EqualTo(3));
    }

    [Test]
    public void A_star_within_a_filter_is_a_star()
    {
        Assert.That(new ConditionalSetting([("m*p", new NumberSetting(3))]).Evaluate("mlp", 0), Is.Null);
    }
}
