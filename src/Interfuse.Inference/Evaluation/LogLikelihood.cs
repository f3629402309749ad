namespace Interfuse.Inference.Evaluation;

/// <summary>Likelihoods from logits.</summary>
internal static class LogLikelihood
{
    /// <summary>The natural logarithm of a token's softmax, in float64.</summary>
    /// <exception cref="InterfuseException">A logit is NaN or positive infinity, or none is finite: the model's weights, or
    /// a merge, are broken.</exception>
    public static double Of(ReadOnlySpan<float> logits, int token)
    {
        double greatest = double.NegativeInfinity;
        foreach (float logit in logits)
        {
            greatest = Math.Max(greatest, logit);
        }

        double sum = 0;
        foreach (float logit in logits)
        {
            sum += Math.Exp(logit - greatest);
        }

        double likelihood = logits[token] - greatest - Math.Log(sum);
        return double.IsNaN(likelihood) ? throw BrokenModel.Error() : likelihood;
    }
}
