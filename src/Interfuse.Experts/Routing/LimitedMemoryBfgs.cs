namespace Interfuse.Experts.Routing;

/// <summary>
/// Minimises a smooth convex function by the limited-memory BFGS method (Liu and Nocedal, 1989): the last ten steps
/// tell how the gradient bends, and each new step is shortened until the value falls as it should (Armijo).
/// </summary>
/// <remarks>All sums run in the order of the elements, so the result is the same on every machine.</remarks>
/// <param name="function">Gives the value at a point and fills in the gradient.</param>
internal sealed class LimitedMemoryBfgs(Func<double[], double[], double> function)
{
    private const int Memory = 10;

    // How much of the fall that the gradient promises a step must bring.
    private const double SufficientFall = 1e-4;
    private const int MaxHalvings = 60;

    private readonly List<(double[] Step, double[] Bend, double Inverse)> _past = [];

    /// <summary>Steps done by the last <see cref="Minimize"/>.</summary>
    public int Iterations { get; private set; }

    /// <summary>Moves a point to the minimum.</summary>
    /// <param name="point">Where to begin; becomes the minimum.</param>
    /// <param name="tolerance">Ends once no part of the gradient is greater.</param>
    /// <param name="maxIterations">Ends after as many steps at the latest.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <returns>Whether the tolerance was reached, or the value can't be told from the minimum's in float64.</returns>
    public bool Minimize(double[] point, double tolerance, int maxIterations, CancellationToken cancellation)
    {
        _past.Clear();
        double[] gradient = new double[point.Length];
        double[] next = new double[point.Length];
        double[] nextGradient = new double[point.Length];
        double value = function(point, gradient);
        for (Iterations = 0; Iterations < maxIterations; Iterations++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Greatest(gradient) <= tolerance)
            {
                return true;
            }

            double[] direction = Direction(gradient);
            double slope = Dot(gradient, direction);

            // Without a past the gradient's length says nothing about how far to go.
            double length = _past.Count == 0 ? 1 / Math.Sqrt(-slope) : 1;
            int halvings = 0;
            double nextValue = Try(point, direction, length, next, nextGradient);
            while (!(nextValue <= value + (SufficientFall * length * slope)))
            {
                if (++halvings > MaxHalvings)
                {
                    // Rounding is all that is left between here and the minimum.
                    return true;
                }

                length /= 2;
                nextValue = Try(point, direction, length, next, nextGradient);
            }

            Remember(point, next, gradient, nextGradient);
            next.CopyTo(point, 0);
            nextGradient.CopyTo(gradient, 0);
            value = nextValue;
        }

        return false;
    }

    private double Try(double[] point, double[] direction, double length, double[] next, double[] nextGradient)
    {
        for (int i = 0; i < point.Length; i++)
        {
            next[i] = point[i] + (length * direction[i]);
        }

        return function(next, nextGradient);
    }

    private double[] Direction(double[] gradient)
    {
        double[] direction = [.. gradient];
        double[] shares = new double[_past.Count];
        for (int i = _past.Count - 1; i >= 0; i--)
        {
            (double[] step, double[] bend, double inverse) = _past[i];
            shares[i] = inverse * Dot(step, direction);
            Add(-shares[i], bend, direction);
        }

        double scale = _past.Count == 0 ? 1 : 1 / (_past[^1].Inverse * Dot(_past[^1].Bend, _past[^1].Bend));
        for (int i = 0; i < direction.Length; i++)
        {
            direction[i] *= -scale;
        }

        for (int i = 0; i < _past.Count; i++)
        {
            (double[] step, double[] bend, double inverse) = _past[i];
            Add(-shares[i] - (inverse * Dot(bend, direction)), step, direction);
        }

        return direction;
    }

    private void Remember(double[] point, double[] next, double[] gradient, double[] nextGradient)
    {
        double[] step = [.. next.Select((value, i) => value - point[i])];
        double[] bend = [.. nextGradient.Select((value, i) => value - gradient[i])];
        double product = Dot(step, bend);
        if (product <= 1e-12 * Dot(bend, bend))
        {
            return;
        }

        if (_past.Count == Memory)
        {
            _past.RemoveAt(0);
        }

        _past.Add((step, bend, 1 / product));
    }

    private static void Add(double factor, double[] source, double[] destination)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] += factor * source[i];
        }
    }

    private static double Dot(double[] left, double[] right)
    {
        double sum = 0;
        for (int i = 0; i < left.Length; i++)
        {
            sum += left[i] * right[i];
        }

        return sum;
    }

    private static double Greatest(double[] values)
    {
        double greatest = 0;
        foreach (double value in values)
        {
            greatest = Math.Max(greatest, Math.Abs(value));
        }

        return greatest;
    }
}
