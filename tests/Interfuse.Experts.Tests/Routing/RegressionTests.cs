using Interfuse.Experts.Routing;

namespace Interfuse.Experts.Tests.Routing;

public sealed class RegressionTests
{
    private const int Classes = 3;
    private const double Penalty = 0.05;

    private static readonly RoutingSamples Samples = Make(count: 77);

    [Test]
    public void The_loss_is_that_of_the_formula()
    {
        double[] weights = Weights(seed: 3);

        double loss = new SoftmaxRegression(Samples, Classes, Penalty).Loss(weights, new double[weights.Length]);

        Assert.That(loss, Is.EqualTo(Formula(weights)).Within(1e-12));
    }

    [Test]
    public void The_gradient_is_the_slope_of_the_formula()
    {
        const double Step = 1e-5;
        double[] weights = Weights(seed: 4);
        double[] gradient = new double[weights.Length];
        new SoftmaxRegression(Samples, Classes, Penalty).Loss(weights, gradient);

        for (int i = 0; i < weights.Length; i++)
        {
            double[] above = [.. weights];
            double[] below = [.. weights];
            above[i] += Step;
            below[i] -= Step;
            Assert.That(gradient[i], Is.EqualTo((Formula(above) - Formula(below)) / (2 * Step)).Within(1e-8), $"weight {i}");
        }
    }

    [Test]
    public void The_minimum_is_found_whatever_it_begins_with()
    {
        var regression = new SoftmaxRegression(Samples, Classes, Penalty);
        double[] first = Weights(seed: 5);
        double[] second = new double[first.Length];
        var minimizer = new LimitedMemoryBfgs(regression.Loss);

        Assert.That(minimizer.Minimize(first, 1e-9, 1000, CancellationToken.None));
        Assert.That(minimizer.Minimize(second, 1e-9, 1000, CancellationToken.None));

        // The penalty makes it the only one, but for a number added to all biases.
        int matrix = Classes * Samples.Width;
        Assert.That(first[..matrix], Is.EqualTo(second[..matrix]).Within(1e-7));
        Assert.That(Formula(first), Is.EqualTo(Formula(second)).Within(1e-12));
        Assert.That(Formula(first), Is.LessThan(Formula(new double[first.Length])));
    }

    [Test]
    public void Steps_can_be_too_few_and_the_work_be_stopped()
    {
        var minimizer = new LimitedMemoryBfgs(new SoftmaxRegression(Samples, Classes, Penalty).Loss);
        using var stop = new CancellationTokenSource();
        stop.Cancel();

        Assert.That(minimizer.Minimize(Weights(seed: 6), 1e-9, 2, CancellationToken.None), Is.False);
        Assert.That(
            () => minimizer.Minimize(Weights(seed: 6), 1e-9, 2, stop.Token), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void A_valley_that_is_hard_to_follow_is_followed_to_its_end()
    {
        // A quadratic whose curvatures are a million apart.
        double[] point = [3, -2, 5];
        double[] curvatures = [1e-3, 1, 1e3];
        var minimizer = new LimitedMemoryBfgs((x, gradient) =>
        {
            for (int i = 0; i < x.Length; i++)
            {
                gradient[i] = curvatures[i] * (x[i] - i);
            }

            return x.Select((value, i) => curvatures[i] / 2 * (value - i) * (value - i)).Sum();
        });

        Assert.That(minimizer.Minimize(point, 1e-10, 1000, CancellationToken.None));
        Assert.That(point, Is.EqualTo([0.0, 1, 2]).Within(1e-6));
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(7)]
    [TestCase(8)]
    [TestCase(9)]
    [TestCase(31)]
    public void Sums_of_products_go_by_eight_lanes(int length)
    {
        var random = new Random(length);
        double[] left = [.. Enumerable.Range(0, length).Select(_ => random.NextDouble() - 0.5)];
        float[] right = [.. Enumerable.Range(0, length).Select(_ => random.NextSingle() - 0.5f)];
        double[] lanes = new double[8];
        for (int i = 0; i < length; i++)
        {
            lanes[i % 8] += left[i] * right[i];
        }

        double[] added = [.. left];
        LaneMath.AddScaled(0.3, right, added);

        Assert.That(
            LaneMath.Dot(left, right),
            Is.EqualTo(((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))));
        Assert.That(added, Is.EqualTo(left.Select((value, i) => value + (right[i] * 0.3))));
    }

    private static RoutingSamples Make(int count)
    {
        var random = new Random(2);
        int[] classes = [.. Enumerable.Range(0, count).Select(i => i % Classes)];
        float[] values = [.. Enumerable.Range(0, count * Clouds.Width).Select(i =>
            random.NextSingle() + (0.2f * classes[i / Clouds.Width] * (i % Clouds.Width)))];
        return new RoutingSamples(Clouds.Width, classes, values);
    }

    private static double[] Weights(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Classes * (Clouds.Width + 1)).Select(_ => random.NextDouble() - 0.5)];
    }

    private static double Formula(double[] weights)
    {
        double loss = 0;
        for (int sample = 0; sample < Samples.Count; sample++)
        {
            double[] powers = [.. Enumerable.Range(0, Classes).Select(k => Math.Exp(
                weights[(Classes * Clouds.Width) + k]
                + Enumerable.Range(0, Clouds.Width).Sum(j => weights[(k * Clouds.Width) + j] * Samples[sample][j])))];
            loss -= Math.Log(powers[Samples.Classes[sample]] / powers.Sum());
        }

        return (loss / Samples.Count) + (Penalty / 2 * weights.Take(Classes * Clouds.Width).Sum(weight => weight * weight));
    }
}
