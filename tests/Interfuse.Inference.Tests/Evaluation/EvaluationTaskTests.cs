using System.Text;
using Interfuse.Checkpoints;
using Interfuse.Inference.Evaluation;
using Interfuse.Testing;

namespace Interfuse.Inference.Tests.Evaluation;

/// <summary>Task files: what is read out of them, and what is said of broken ones.</summary>
public sealed class EvaluationTaskTests
{
    private const string Good = """{"prompt": "a", "answer": "b"}""";

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Each_kind_is_read_by_its_keys()
    {
        EvaluationTask exact = Load("""{"prompt": "a", "answer": ["b", "c"], "source": 3}""", "", Good);
        EvaluationTask choice = Load(
            """{"prompt": "a", "choices": ["x", "y"], "answer": 1}""", """{"prompt": "a", "choices": ["x", "y"], "answer": "x"}""");
        EvaluationTask text = Load("""{"text": "once"}""");

        Assert.Multiple(() =>
        {
            Assert.That((exact.Name, exact.Kind), Is.EqualTo(("task", EvaluationKind.ExactMatch)));
            Assert.That(exact.Samples[0].Answers, Is.EqualTo(["b", "c"]));
            Assert.That(exact.Samples.Select(sample => sample.Line), Is.EqualTo([1, 3]), "empty lines are skipped and counted");
            Assert.That(choice.Kind, Is.EqualTo(EvaluationKind.MultipleChoice));
            Assert.That(choice.Samples.Select(sample => sample.Answers[0]), Is.EqualTo(["y", "x"]));
            Assert.That(choice.Samples[0].Choices, Is.EqualTo(["x", "y"]));
            Assert.That((text.Kind, text.Samples[0].Prompt), Is.EqualTo((EvaluationKind.Perplexity, "once")));
        });
    }

    [TestCase("""{"prompt": "a", "answer": }""", "is not JSON")]
    [TestCase("""{"prompt": "a", "ans""", "is not JSON")]
    [TestCase("""["a", "b"]""", "is no object")]
    [TestCase("""{"answer": "b"}""", "has no \"prompt\"")]
    [TestCase("""{"prompt": "a"}""", "has no \"answer\"")]
    [TestCase("""{"prompt": 1, "answer": "b"}""", "has a \"prompt\" that is no text")]
    [TestCase("""{"prompt": "a", "answer": 1}""", "has a \"answer\" that is no text")]
    [TestCase("""{"prompt": "a", "answer": []}""", "has an empty list as \"answer\"")]
    [TestCase("""{"prompt": "a\ud800", "answer": "b"}""", "has half a surrogate pair in its \"prompt\"")]
    [TestCase("""{"prompt": "a", "choices": ["x"], "answer": 0}""", "has fewer than two \"choices\"")]
    [TestCase("""{"prompt": "a", "choices": ["x", ""], "answer": 0}""", "or an empty one")]
    [TestCase("""{"prompt": "a", "choices": ["x", "y"], "answer": 2}""", "has the \"answer\" 2, and choices 0 to 1")]
    [TestCase("""{"prompt": "a", "choices": ["x", "y"], "answer": "z"}""", "has the \"answer\" 'z', which is none of its")]
    [TestCase("""{"text": "a"}""", "is a sample of another kind than the first line's")]
    public void A_broken_line_is_named(string line, string fault)
    {
        Assert.That(
            () => Load(Good, "", line),
            Throws.InstanceOf<CheckpointFormatException>().With.Message.StartsWith($"{_folder["task.jsonl"]}: line 3 ")
                .And.Message.Contains(fault));
    }

    [Test]
    public void A_file_that_is_empty_missing_or_no_text_is_refused()
    {
        Assert.That(() => Load("", " "), Throws.InstanceOf<CheckpointFormatException>().With.Message.Contains("has no samples"));
        Assert.That(
            () => EvaluationTask.Load(_folder["none.jsonl"]),
            Throws.InstanceOf<CheckpointFormatException>().With.Message.Contains("there is no such file"));
        File.WriteAllBytes(_folder["task.jsonl"], [.. Encoding.UTF8.GetBytes(Good + "\n{\"prompt\": \""), 0xFF, 0xFE, (byte)'"']);
        Assert.That(
            () => EvaluationTask.Load(_folder["task.jsonl"]),
            Throws.InstanceOf<CheckpointFormatException>().With.Message.Contains("is not UTF-8, in line 1 or soon after"));
    }

    private EvaluationTask Load(params string[] lines) => EvaluationTask.Load(_folder.Write("task.jsonl", string.Join('\n', lines)));
}
