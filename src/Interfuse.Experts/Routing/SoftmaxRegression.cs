namespace Interfuse.Experts.Routing;

/// <summary>Multinomial logistic regression: the loss of weights on samples, and its gradient.</summary>
/// <remarks>
/// Loss: the mean over the samples of -log p(class), p the softmax of W x + b, plus penalty / 2 times the squares of
/// W's elements. Samples are summed in their order within 32 blocks, and the blocks in theirs, on any number of
/// threads.
/// </remarks>
/// <param name="samples">The samples.</param>
/// <param name="classes">N, how many classes there are.</param>
/// <param name="penalty">What weights cost, above 0.</param>
internal sealed class SoftmaxRegression(RoutingSamples samples, int classes, double penalty)
{
    private const int Blocks = 32;

    private readonly double[][] _gradients =
        [.. Enumerable.Range(0, Blocks).Select(_ => new double[classes * (samples.Width + 1)])];

    private readonly double[] _losses = new double[Blocks];

    /// <summary>The number of weights: W [N, d], then b [N].</summary>
    public int Length => classes * (samples.Width + 1);

    /// <summary>The loss.</summary>
    /// <param name="weights">W and b.</param>
    /// <param name="gradient">Receives the gradient.</param>
    public double Loss(double[] weights, double[] gradient)
    {
        Parallel.For(0, Blocks, block => _losses[block] = OfBlock(block, weights, _gradients[block]));
        double loss = 0;
        Array.Clear(gradient);
        for (int block = 0; block < Blocks; block++)
        {
            loss += _losses[block];
            for (int i = 0; i < gradient.Length; i++)
            {
                gradient[i] += _gradients[block][i];
            }
        }

        double squares = 0;
        for (int i = 0; i < gradient.Length; i++)
        {
            gradient[i] /= samples.Count;
            if (i < classes * samples.Width)
            {
                squares += weights[i] * weights[i];
                gradient[i] += penalty * weights[i];
            }
        }

        return (loss / samples.Count) + (penalty / 2 * squares);
    }

    private double OfBlock(int block, double[] weights, double[] gradient)
    {
        int width = samples.Width;
        int start = (int)((long)samples.Count * block / Blocks);
        int end = (int)((long)samples.Count * (block + 1) / Blocks);
        Span<double> scores = new double[classes];
        double loss = 0;
        Array.Clear(gradient);
        for (int sample = start; sample < end; sample++)
        {
            for (int k = 0; k < classes; k++)
            {
                scores[k] = LaneMath.Dot(weights.AsSpan(k * width, width), samples[sample]) + weights[(classes * width) + k];
            }

            int right = samples.Classes[sample];
            double score = scores[right];
            loss += PlainMath.Softmax(scores) - score;
            scores[right] -= 1;
            for (int k = 0; k < classes; k++)
            {
                LaneMath.AddScaled(scores[k], samples[sample], gradient.AsSpan(k * width, width));
                gradient[(classes * width) + k] += scores[k];
            }
        }

        return loss;
    }
}
