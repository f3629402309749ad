using Interfuse.Inference.Generation;

namespace Interfuse.Inference.Tests.Generation;

/// <summary>What a scanner lets through, against looking at the whole text one character after the other.</summary>
public sealed class StopScannerTests
{
    [TestCase("one two three", "one ", "two")]
    [TestCase("abab", "", "abab", "b$")]
    [TestCase("xabc", "xa", "abc", "b")]
    [TestCase("xabc", "x", "b", "ab")]
    [TestCase("no end", "no end", "endless")]
    [TestCase("no stop texts", "no stop texts")]
    public void Text_ends_before_the_stop_text_that_is_complete_first(string text, string expected, params string[] stops)
    {
        Assert.That(Pass([text], stops).Text, Is.EqualTo(expected));
        Assert.That(Pass(text.Select(c => c.ToString()), stops).Text, Is.EqualTo(expected));
    }

    [Test]
    public void It_does_not_matter_in_which_pieces_a_text_comes()
    {
        var random = new Random(5);
        for (int round = 0; round < 3000; round++)
        {
            string text = Letters(random, 12);
            string[] stops = [.. Enumerable.Range(0, random.Next(4)).Select(_ => Letters(random, 1 + random.Next(4)))];
            var pieces = new List<string>();
            for (int start = 0; start < text.Length; start += pieces[^1].Length)
            {
                pieces.Add(text.Substring(start, Math.Min(1 + random.Next(5), text.Length - start)));
            }

            Assert.That(
                Pass(pieces, stops), Is.EqualTo(Expected(text, stops)), $"{string.Join('|', pieces)}, {string.Join('|', stops)}");
        }
    }

    [Test]
    public void What_can_not_begin_a_stop_text_is_passed_on_at_once()
    {
        var scanner = new StopScanner(["</s>"]);

        Assert.That(scanner.Append("a <"), Is.EqualTo("a "));
        Assert.That(scanner.Append("b"), Is.EqualTo("<b"));
        Assert.That(scanner.Append("</s"), Is.Empty);
        Assert.That(scanner.Finish(), Is.EqualTo("</s"));
    }

    private static (string Text, bool Stopped) Pass(IEnumerable<string> pieces, string[] stops)
    {
        var scanner = new StopScanner(stops);
        string text = string.Concat(pieces.Select(scanner.Append).ToArray()) + scanner.Finish();
        return (text, scanner.Stopped);
    }

    private static (string Text, bool Stopped) Expected(string text, string[] stops)
    {
        for (int end = 0; end <= text.Length; end++)
        {
            string[] ending = [.. stops.Where(stop => text[..end].EndsWith(stop, StringComparison.Ordinal))];
            if (ending.Length > 0)
            {
                return (text[..(end - ending.Max(stop => stop.Length))], true);
            }
        }

        return (text, false);
    }

    private static string Letters(Random random, int count) => new([.. Enumerable.Range(0, count).Select(_ => "abc"[random.Next(3)])]);
}
