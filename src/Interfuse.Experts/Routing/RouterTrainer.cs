namespace Interfuse.Experts.Routing;

/// <summary>Trains routers.</summary>
/// <remarks>
/// The same samples, in the same order, give the same bytes on any number of threads: sums have one order, and nothing
/// of a system's mathematics is used.
/// </remarks>
public static class RouterTrainer
{
    private const double Tolerance = 1e-7;

    // Of 100 prompts that were held out, the farthest may be out of reach: beyond that and a quarter, one is elsewhere.
    private const double Within = 0.99;
    private const double Slack = 1.25;

    // A feature that hardly varies is not blown up to matter as much as the others.
    private const double LeastDeviation = 1e-3;

    /// <summary>Trains a router.</summary>
    /// <param name="pack">The pack, for its experts' names and to know it again.</param>
    /// <param name="features">What the samples' features are.</param>
    /// <param name="samples">Prompts of every expert.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="InterfuseException">There is one expert only, an expert has too few prompts to keep some back,
    /// or features are no finite numbers, or all the same.</exception>
    /// <exception cref="ArgumentException">An option is out of its range, or samples are of several
    /// lengths.</exception>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    public static RouterTraining Train(
        PackManifest pack, RouterFeatures features, IReadOnlyList<RouterSample> samples, RouterTrainingOptions options,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pack);
        ArgumentNullException.ThrowIfNull(features);
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentNullException.ThrowIfNull(options);
        Check(options);
        RoutingSamples all = Gather(pack.Experts, samples);
        (int[] fitted, int[] heldOut) = HeldOutSplit.Of(pack.Experts, all.Classes, options.HeldOut, options.Seed);
        RoutingSamples training = all.Take(fitted);
        RouterWeights weights = Standardized(training, pack.Experts.Count);
        (RoutingSamples z, RoutingSamples held) = (Standardize(weights, training), Standardize(weights, all.Take(heldOut)));
        weights = WithCentres(weights, z);
        (weights, int iterations, bool converged) = Fit(weights, z, options, cancellation);

        double[][] scores = [.. Enumerable.Range(0, held.Count).Select(sample => weights.Scores(held[sample]))];
        weights = weights with
        {
            Temperature = Calibration.Temperature(scores, held.Classes),
            Reach = Slack * Quantile([.. Enumerable.Range(0, held.Count).Select(sample => weights.Distance(held[sample]))]),
        };
        double uncertainty = Quantile([.. scores.Select(score =>
            PackRouter.UncertaintyOf(Calibration.Probabilities(score, weights.Temperature)))]);
        int[][] confusion = Confusion(scores, held.Classes, pack.Experts.Count);
        var facts = new RouterFacts(
            pack.Experts,
            PackIdentity.Of(pack),
            features,
            options.Marks with { High = Math.Max(options.Marks.High, uncertainty) },
            fitted.Length,
            heldOut.Length,
            (double)confusion.Select((row, expert) => row[expert]).Sum() / heldOut.Length,
            Calibration.ExpectedError(scores, held.Classes, temperature: 1),
            Calibration.ExpectedError(scores, held.Classes, weights.Temperature));
        return new RouterTraining(new PackRouter(weights, facts), confusion, iterations, converged);
    }

    private static void Check(RouterTrainingOptions options)
    {
        string? fault = options switch
        {
            { HeldOut: not (> 0 and < 1) } =>
                $"the share held out is {options.HeldOut}, and one above 0 and below 1 is needed",
            { Penalty: not (> 0 and < double.PositiveInfinity) } =>
                $"the penalty is {options.Penalty}, and a finite number above 0 is needed",
            { MaxIterations: < 1 } => "a step at least is needed",
            _ => options.Marks.Fault,
        };
        if (fault is not null)
        {
            throw new ArgumentException($"A router can't be trained so: {fault}.", nameof(options));
        }
    }

    private static RoutingSamples Gather(IReadOnlyList<string> experts, IReadOnlyList<RouterSample> samples)
    {
        if (experts.Count < 2)
        {
            throw new InterfuseException(
                $"The pack has the expert '{experts[0]}' only, so there is nothing to choose; a router needs two experts or more.");
        }

        int width = samples.Count == 0 ? 0 : samples[0].Features.Length;
        float[] values = new float[checked(samples.Count * width)];
        int[] classes = new int[samples.Count];
        for (int i = 0; i < classes.Length; i++)
        {
            ReadOnlySpan<float> features = samples[i].Features.Span;
            if (features.Length != width || samples[i].Expert < 0 || samples[i].Expert >= experts.Count)
            {
                throw new ArgumentException(
                    $"Sample {i} has {features.Length} features where {width} are needed, or is of no expert of the pack.",
                    nameof(samples));
            }

            foreach (float feature in features)
            {
                if (!float.IsFinite(feature))
                {
                    throw new InterfuseException(
                        $"{samples[i].Place}: the prompt's features hold {feature}, no finite number; the shared model "
                        + "computes no numbers for it: check the pack's weights.");
                }
            }

            classes[i] = samples[i].Expert;
            features.CopyTo(values.AsSpan(i * width));
        }

        return new RoutingSamples(width, classes, values);
    }

    // Means and deviations of all training samples.
    private static RouterWeights Standardized(RoutingSamples samples, int experts)
    {
        int width = samples.Width;
        double[] means = new double[width];
        double[] squares = new double[width];
        for (int sample = 0; sample < samples.Count; sample++)
        {
            for (int i = 0; i < width; i++)
            {
                means[i] += (double)samples[sample][i] / samples.Count;
            }
        }

        for (int sample = 0; sample < samples.Count; sample++)
        {
            for (int i = 0; i < width; i++)
            {
                double away = samples[sample][i] - means[i];
                squares[i] += away * away / samples.Count;
            }
        }

        return new RouterWeights(
            [.. means.Select(mean => (float)mean)], Inverses(squares), new float[experts * width], new float[experts],
            new float[experts * width], new float[width], Temperature: 1, Reach: 1);
    }

    private static RoutingSamples Standardize(RouterWeights weights, RoutingSamples samples)
    {
        float[] values = new float[samples.Count * samples.Width];
        for (int sample = 0; sample < samples.Count; sample++)
        {
            weights.Standardize(samples[sample], values.AsSpan(sample * samples.Width, samples.Width));
        }

        return new RoutingSamples(samples.Width, samples.Classes.ToArray(), values);
    }

    private static RouterWeights WithCentres(RouterWeights weights, RoutingSamples z)
    {
        int width = z.Width;
        int[] counts = new int[weights.Experts];
        foreach (int expert in z.Classes)
        {
            counts[expert]++;
        }

        double[] centres = new double[weights.Experts * width];
        for (int sample = 0; sample < z.Count; sample++)
        {
            int expert = z.Classes[sample];
            for (int i = 0; i < width; i++)
            {
                centres[(expert * width) + i] += (double)z[sample][i] / counts[expert];
            }
        }

        double[] squares = new double[width];
        for (int sample = 0; sample < z.Count; sample++)
        {
            for (int i = 0; i < width; i++)
            {
                double away = z[sample][i] - centres[(z.Classes[sample] * width) + i];
                squares[i] += away * away / z.Count;
            }
        }

        return weights with { Centre = [.. centres.Select(centre => (float)centre)], Spread = Inverses(squares) };
    }

    private static (RouterWeights Weights, int Iterations, bool Converged) Fit(
        RouterWeights weights, RoutingSamples z, RouterTrainingOptions options, CancellationToken cancellation)
    {
        var regression = new SoftmaxRegression(z, weights.Experts, options.Penalty);
        var minimizer = new LimitedMemoryBfgs(regression.Loss);
        double[] found = new double[regression.Length];
        bool converged = minimizer.Minimize(found, Tolerance, options.MaxIterations, cancellation);
        float[] rounded = [.. found.Select(value => (float)value)];
        return (
            weights with { Weight = rounded[..^weights.Experts], Bias = rounded[^weights.Experts..] },
            minimizer.Iterations,
            converged);
    }

    // The inverses of standard deviations.
    private static float[] Inverses(double[] squares)
    {
        double typical = Math.Sqrt(squares.Sum() / squares.Length);
        return typical > 0
            ? [.. squares.Select(square => (float)(1 / Math.Max(Math.Sqrt(square), LeastDeviation * typical)))]
            : throw new InterfuseException(
                "The features of all prompts are the same, so they tell nothing apart; give prompts that differ, or another "
                + "--depth.");
    }

    private static double Quantile(double[] values)
    {
        Array.Sort(values);
        return values[Math.Max(0, (int)Math.Ceiling(values.Length * Within) - 1)];
    }

    private static int[][] Confusion(double[][] scores, ReadOnlySpan<int> classes, int experts)
    {
        int[][] confusion = [.. Enumerable.Range(0, experts).Select(_ => new int[experts])];
        for (int sample = 0; sample < scores.Length; sample++)
        {
            confusion[classes[sample]][Array.IndexOf(scores[sample], scores[sample].Max())]++;
        }

        return confusion;
    }
}
