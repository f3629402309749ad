using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Interfuse.Inference.Tokenization;
using Interfuse.Testing;

namespace Interfuse.Inference.Tests.Tokenization;

public sealed class NormalizationTests
{
    // Unicode Standard Annex 15, figures 3 to 6, and a few of the hard cases: blocking, reordering, Hangul, exclusions.
    [TestCase("\u212B", "\u00C5", "A\u030A", "\u00C5", "A\u030A")]
    [TestCase("\u1E9B\u0323", "\u1E9B\u0323", "\u017F\u0323\u0307", "\u1E69", "s\u0323\u0307")]
    [TestCase("d\u0307\u0323", "\u1E0D\u0307", "d\u0323\u0307", "\u1E0D\u0307", "d\u0323\u0307")]
    [TestCase("\uFB01\u2075", "\uFB01\u2075", "\uFB01\u2075", "fi5", "fi5")]
    [TestCase("\u1112\u1161\u11AB", "\uD55C", "\u1112\u1161\u11AB", "\uD55C", "\u1112\u1161\u11AB")]
    [TestCase("\uAC00\u11A8", "\uAC01", "\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    [TestCase("\u0958", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C")]
    [TestCase("\U0001D400", "\U0001D400", "\U0001D400", "A", "A")]
    [TestCase("\U00011099\U000110BA", "\U0001109A", "\U00011099\U000110BA", "\U0001109A", "\U00011099\U000110BA")]
    [TestCase("a\u0315\u0300\u05AE\u0300\u0062", "\u00E0\u05AE\u0300\u0315b", "a\u05AE\u0300\u0300\u0315b",
        "\u00E0\u05AE\u0300\u0315b", "a\u05AE\u0300\u0300\u0315b")]
    [TestCase("plain", "plain", "plain", "plain", "plain")]
    public void The_four_forms_are_Unicodes(string text, string nfc, string nfd, string nfkc, string nfkd)
    {
        Assert.That(UnicodeNormalization.Nfc(text), Is.EqualTo(nfc));
        Assert.That(UnicodeNormalization.Nfd(text), Is.EqualTo(nfd));
        Assert.That(UnicodeNormalization.Nfkc(text), Is.EqualTo(nfkc));
        Assert.That(UnicodeNormalization.Nfkd(text), Is.EqualTo(nfkd));
    }

    [Test]
    public void Every_character_has_one_form_of_each_kind()
    {
        for (int point = 0; point <= 0x10FFFF; point++)
        {
            if (Rune.IsValid(point))
            {
                string text = new Rune(point).ToString();
                string nfc = UnicodeNormalization.Nfc(text);
                string nfkd = UnicodeNormalization.Nfkd(text);
                if (UnicodeNormalization.Nfc(UnicodeNormalization.Nfd(text)) != nfc
                    || UnicodeNormalization.Nfd(nfc) != UnicodeNormalization.Nfd(text)
                    || UnicodeNormalization.Nfkd(nfkd) != nfkd
                    || UnicodeNormalization.Nfkd(UnicodeNormalization.Nfkc(text)) != nfkd)
                {
                    Assert.Fail($"U+{point:X4}");
                }
            }
        }
    }

    [Test]
    public void The_tables_are_what_their_script_makes_of_Pythons()
    {
        string folder = Repository.PathOf("src", "Interfuse.Inference", "Tokenization");
        string kept = File.ReadAllText(Path.Combine(folder, "UnicodeNormalization.txt"));
        using var python = new Process { StartInfo = new("/usr/bin/python3") { RedirectStandardOutput = true } };
        python.StartInfo.ArgumentList.Add(Path.Combine(folder, "unicode_normalization.py"));
        if (!File.Exists(python.StartInfo.FileName))
        {
            Assert.Ignore("there is no /usr/bin/python3 to make the tables anew");
        }

        python.Start();
        string made = python.StandardOutput.ReadToEnd();
        python.WaitForExit();
        string version = made[..made.IndexOf('\n', StringComparison.Ordinal)];
        if (!kept.StartsWith(version, StringComparison.Ordinal))
        {
            Assert.Ignore("this machine's Python has the tables of another version of Unicode");
        }

        Assert.That(kept, Is.EqualTo(made));
    }

    [TestCase("""{"type":"Sequence","normalizers":[{"type":"NFD"},{"type":"StripAccents"},{"type":"Lowercase"}]}""",
        "ÉTÉ Σ \u212A\u0130", "ete σ ki")]
    [TestCase("""{"type":"Strip","strip_left":true,"strip_right":false}""", "\u3000a ", "a ")]
    [TestCase("""{"type":"Strip","strip_left":false,"strip_right":true}""", " a\n", " a")]
    [TestCase("""{"type":"Replace","pattern":{"Regex":" {2,}"},"content":"_"}""", "a  b c   d", "a_b c_d")]
    [TestCase("""{"type":"Replace","pattern":{"String":"``"},"content":"\""}""", "``a`", "\"a`")]
    [TestCase("""{"type":"Prepend","prepend":"▁"}""", "", "")]
    [TestCase("""{"type":"Prepend","prepend":"▁"}""", "a", "▁a")]
    [TestCase("""{"type":"ByteLevel"}""", "é a", "Ã©Ġa")]
    public void Normalizers_do_what_their_names_say(string settings, string text, string expected)
    {
        using var document = JsonDocument.Parse(settings);

        Assert.That(
            Normalizer.Read(document.RootElement, new TokenizerSettings("tokenizer.json"))!(text), Is.EqualTo(expected));
    }
}
