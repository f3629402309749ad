using Interfuse.Inference.Evaluation;
using Interfuse.Inference.Models;

namespace Interfuse.Inference.Tests.Evaluation;

/// <summary>Accuracies of the tiny experts, against those that train.py measured.</summary>
public sealed class TinyExpertEvaluationTests
{
    private static IEnumerable<TestCaseData> Cases =>
        from model in TinyExperts.Names
        from task in TinyExperts.Tasks
        select new TestCaseData(model, task);

    [TestCaseSource(nameof(Cases))]
    public void Exact_match_is_that_of_the_reference(string model, string task)
    {
        using Decoder decoder = TinyExperts.Load(model);
        var evaluator = new Evaluator(decoder, TinyExperts.Tokenizer, new EvaluationOptions { MaxTokens = 12 });

        EvaluationResult result = evaluator.Evaluate(EvaluationTask.Load(TinyExperts.TaskPath(task)));

        Assert.That(result.Value, Is.EqualTo(TinyExperts.ExpectedAccuracy(model, task)).Within(1e-9));
    }
}
