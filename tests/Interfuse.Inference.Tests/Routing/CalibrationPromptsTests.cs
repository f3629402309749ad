using System.Text;
using Interfuse.Checkpoints;
using Interfuse.Inference.Routing;
using Interfuse.Testing;

namespace Interfuse.Inference.Tests.Routing;

/// <summary>Directories of prompts: what is read out of them, and what is said of broken ones.</summary>
public sealed class CalibrationPromptsTests
{
    private static readonly string[] Experts = ["math", "code"];

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder()
    {
        _folder = new TempFolder();
        _folder.Write("code.jsonl", """{"prompt": "def", "answer": "x"}""" + "\n\n" + """{"prompt": "for"}""" + "\n" + """{"prompt": "def"}""");
        _folder.Write("math.jsonl", """{"prompt": "1+1"}""");
        _folder.Write("README.md", "anything");
    }

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Prompts_come_by_expert_and_line_and_repeated_ones_once()
    {
        var prompts = CalibrationPrompts.Load(_folder.Path, Experts);

        Assert.That(prompts.Prompts, Is.EqualTo((CalibrationPrompt[])
        [
            new("1+1", 0, $"{_folder["math.jsonl"]}: line 1"),
            new("def", 1, $"{_folder["code.jsonl"]}: line 1"),
            new("for", 1, $"{_folder["code.jsonl"]}: line 3"),
        ]));
        Assert.That(prompts.Repeated, Is.EqualTo(1));
    }

    [Test]
    public void A_prompt_of_two_experts_is_one_of_each()
    {
        _folder.Write("math.jsonl", """{"prompt": "def"}""");

        Assert.That(CalibrationPrompts.Load(_folder.Path, Experts).Prompts.Count(prompt => prompt.Text == "def"), Is.EqualTo(2));
    }

    [TestCase("""{"prompt": ""}""", "line 1", "empty \"prompt\"")]
    [TestCase("""{"prompt": " \t\n"}""", "line 1", "empty \"prompt\"")]
    [TestCase("{\"prompt\": \"a\"}\n{\"text\": \"b\"}", "line 2", "has no \"prompt\"")]
    [TestCase("""{"prompt": 3}""", "line 1", "\"prompt\" that is no text")]
    [TestCase("""["a"]""", "line 1", "is no object")]
    [TestCase("""{"prompt": "a" """, "line 1", "is not JSON")]
    [TestCase("", "has no prompts")]
    public void A_line_that_is_broken_is_named(string text, params string[] fragments)
    {
        _folder.Write("code.jsonl", text);

        Refused([_folder["code.jsonl"], .. fragments]);
    }

    [Test]
    public void Bytes_that_are_no_text_are_named()
    {
        File.WriteAllBytes(_folder["math.jsonl"], [.. Encoding.UTF8.GetBytes("{\"prompt\": \""), 0xff, (byte)'"', (byte)'}']);

        Refused("math.jsonl", "is not UTF-8");
    }

    [Test]
    public void A_file_that_is_missing_is_named()
    {
        File.Delete(_folder["math.jsonl"]);

        Refused(_folder.Path, "has no math.jsonl", "'math.jsonl', 'code.jsonl'");
    }

    [Test]
    public void A_file_of_no_expert_is_named()
    {
        _folder.Write("coding.jsonl", """{"prompt": "a"}""");

        Refused("has coding.jsonl", "no expert of that name", "'math.jsonl', 'code.jsonl'");
    }

    [Test]
    public void A_directory_that_is_missing_is_named()
    {
        var error = Assert.Throws<CheckpointFormatException>(() => CalibrationPrompts.Load(_folder["nowhere"], Experts));

        Assert.That(error!.Message, Does.Contain("nowhere: there is no such directory").And.Contain("'math.jsonl'"));
    }

    [Test]
    public void A_name_that_leads_out_of_the_directory_finds_nothing()
    {
        _folder.Write("in/code.jsonl", """{"prompt": "a"}""");

        var error = Assert.Throws<CheckpointFormatException>(() => CalibrationPrompts.Load(_folder["in"], ["code", "../math"]));

        Assert.That(error!.Message, Does.Contain("has no ../math.jsonl"));
    }

    private void Refused(params string[] fragments)
    {
        var error = Assert.Throws<CheckpointFormatException>(() => CalibrationPrompts.Load(_folder.Path, Experts));
        foreach (string fragment in fragments)
        {
            Assert.That(error!.Message, Does.Contain(fragment));
        }
    }
}
