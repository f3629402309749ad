using Interfuse.Inference.Generation;

namespace Interfuse.Inference.Tests.Generation;

/// <summary>Writes down what it is told of an answer.</summary>
internal sealed class RecordingReader : IAnswerReader
{
    public List<AnswerToken> Tokens { get; } = [];

    public GenerationResult? Result { get; private set; }

    public Exception? Fault { get; private set; }

    public string Text { get; private set; } = "";

    /// <summary>What is done with each token.</summary>
    public Action<AnswerToken>? Then { get; init; }

    public void OnToken(in AnswerToken token)
    {
        Tokens.Add(token);
        Text += token.Text;
        Then?.Invoke(token);
    }

    public void OnEnd(GenerationResult result, string text)
    {
        Result = result;
        Text += text;
    }

    public void OnFault(Exception fault) => Fault = fault;
}
