namespace Interfuse.Inference.Generation;

/// <summary>Takes an answer while it comes, on the thread that drives the batch.</summary>
/// <remarks>
/// What it throws ends its own answer (<see cref="Answer.Fault"/>) and nobody else's; nothing of that answer is told any more.
/// It may not change the batch, see <see cref="AnswerBatch"/>.
/// </remarks>
public interface IAnswerReader
{
    /// <summary>Is given each token of the answer as it is chosen; a token that ends the text is none of them.</summary>
    void OnToken(in AnswerToken token);

    /// <summary>Is told that the answer is complete.</summary>
    /// <param name="result">The answer.</param>
    /// <param name="text">The end of its text, which was held back until now; may be empty.</param>
    void OnEnd(GenerationResult result, string text);

    /// <summary>Is told that there will be no more of the answer, because the model gives no numbers for it.</summary>
    /// <param name="fault">What happened.</param>
    void OnFault(Exception fault);
}
