using System.Text;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Tests.Recipes;

public sealed class HostileRecipeTests
{
    private const string Valid = """
        merge_method: ties
        base_model: ./base
        models:
        - model: ./a
          parameters: &p
            weight: [0, 0.5, 1]
            density: [{filter: mlp, value: 0.5}, {value: 1}]
        - model: "./b\u0041\x41"
          parameters: {<<: *p, weight: '1'}
        parameters:
          normalize: true
        dtype: !!str float32
        """;

    [Test]
    public void A_bomb_of_aliases_is_refused_without_being_written_out()
    {
        // Ten to the fifteenth values, of which the reader may touch a few hundred.
        var yaml = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 15; i++)
        {
            yaml.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        }

        Assert.That(Refusal(yaml.ToString()), Does.Contain("aliases are written out"));
    }

    [Test]
    public void A_bomb_of_merge_keys_is_refused()
    {
        var yaml = new StringBuilder("a0: &a0 {x: 1, y: 2}\n");
        for (int i = 1; i < 40; i++)
        {
            yaml.Append($"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}, *a{i - 1}]}}\n");
        }

        Assert.That(Refusal(yaml.ToString()), Does.Contain("aliases are written out"));
    }

    [Test]
    public void A_tower_of_aliases_is_refused()
    {
        var yaml = new StringBuilder("a0: &a0 [x]\n");
        for (int i = 1; i < 40; i++)
        {
            yaml.Append($"a{i}: &a{i} [*a{i - 1}]\n");
        }

        Assert.That(Refusal(yaml.ToString()), Does.Contain("nesting"));
    }

    [TestCase("[")]
    [TestCase("{")]
    [TestCase("- ")]
    [TestCase("? ")]
    [TestCase("[{a: ")]
    public void Deep_nesting_is_refused(string opening)
    {
        string yaml = string.Concat(Enumerable.Repeat(opening, 100_000));

        Assert.That(Refusal(yaml), Does.Contain("nesting is deeper than 32 levels"));
    }

    [Test]
    public void Too_many_values_are_refused()
    {
        string yaml = $"[{string.Concat(Enumerable.Repeat("1,", 150_000))}]";

        Assert.That(Refusal(yaml), Does.Contain("more than 100000 values"));
    }

    [Test]
    public void A_text_that_is_too_large_is_refused()
    {
        Assert.That(Refusal(new string(' ', (1 << 20) + 1)), Does.Contain("larger than 1 MiB"));
    }

    [Test]
    public void A_broken_text_gives_a_recipe_that_can_be_written_or_a_located_error()
    {
        const string Pieces = "[]{}:,-?&*!|>'\"%@`#~ \n\t\r<=\\0aUxu.e\0\uFEFF\u0085é";
        var random = new Random(7);
        int refused = 0;
        for (int i = 0; i < 1000; i++)
        {
            var text = new StringBuilder(Valid);
            for (int edits = random.Next(1, 5); edits > 0; edits--)
            {
                int at = random.Next(text.Length);
                switch (random.Next(3))
                {
                    case 0:
                        text.Remove(at, Math.Min(random.Next(1, 8), text.Length - at));
                        break;
                    case 1:
                        text.Insert(at, Pieces[random.Next(Pieces.Length)]);
                        break;
                    default:
                        text.Insert(random.Next(text.Length), text.ToString(at, Math.Min(12, text.Length - at)));
                        break;
                }
            }

            try
            {
                string written = TestMethods.Parse(text.ToString()).ToYaml();
                Assert.That(TestMethods.Parse(written).ToYaml(), Is.EqualTo(written));
            }
            catch (RecipeException error)
            {
                refused++;
                Assert.That((error.Line, error.Column), Is.GreaterThan((0, 0)), error.Message);
            }
        }

        Assert.That(refused, Is.InRange(300, 995));
    }

    private static string Refusal(string yaml) =>
        Assert.Throws<RecipeException>(() => TestMethods.Parse(yaml))!.Reason;
}
