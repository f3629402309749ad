using System.Diagnostics;
using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts.Factorization;

namespace Interfuse.Experts.Tests.Factorization;

/// <summary>Truncated singular value decompositions, judged by one-sided Jacobi in float64.</summary>
public class TruncatedSvdTests
{
    [Test]
    public void A_small_matrix_is_decomposed_exactly(
        [Values(1, 2, 5, 40)] int rows, [Values(1, 3, 40, 97)] int columns)
    {
        double[][] matrix = Random(rows, columns, rows + columns);
        double[] expected = Jacobi.SingularValues(matrix);
        for (int rank = 1; rank <= Math.Min(rows, columns); rank = (rank * 3) + 1)
        {
            SingularParts parts = Decompose(matrix, rank);
            Assert.That(parts.Values, Is.EqualTo(expected[..rank]).Within(1e-6 * expected[0]), $"rank {rank}");
            Assert.That(parts.ExpectedFactor, Is.EqualTo(1));
            CheckError(matrix, parts, Tail(expected, rank), 1e-6);
        }

        CheckVectors(Decompose(matrix, Math.Min(rows, columns)));
    }

    [TestCase(300, 420, 0.97)]
    [TestCase(420, 300, 0.97)]
    [TestCase(300, 300, 0.8)]
    [TestCase(280, 1000, 0.999)]
    public void A_random_range_loses_hardly_more_than_the_best_of_its_rank(int rows, int columns, double decay)
    {
        double[][] matrix = WithSpectrum(rows, columns, decay);
        double[] expected = Jacobi.SingularValues(matrix);
        foreach (int rank in new[] { 3, 30 })
        {
            Assert.That(TruncatedSvd.IsExact(Math.Min(rows, columns), rank), Is.False);
            SingularParts parts = Decompose(matrix, rank);
            double best = Tail(expected, rank);
            double error = Math.Sqrt(parts.Residual(rank));
            TestContext.Out.WriteLine($"rank {rank}: {error / best:F6} of the least error, expected at most {parts.ExpectedFactor:F2}");
            Assert.That(error, Is.LessThanOrEqualTo((1.02 * best) + (1e-6 * expected[0])));
            Assert.That(parts.ExpectedFactor, Is.GreaterThan(1).And.LessThan(2.5));
            Assert.That(parts.Values, Is.EqualTo(expected[..rank]).Within(0.05 * expected[0]));
            CheckError(matrix, parts, error, 1e-5);
            CheckVectors(parts);
        }
    }

    [Test]
    public void A_matrix_of_lower_rank_than_wanted_leaves_nothing([Values(40, 600)] int side)
    {
        // Three directions; with side 600 the random range has ten times as many.
        double[][] a = Random(3, side, 1);
        double[][] b = Random(3, side, 2);
        double[][] matrix = [.. Enumerable.Range(0, side).Select(i =>
            Enumerable.Range(0, side).Select(j => (double)(float)Enumerable.Range(0, 3).Sum(k => a[k][i] * b[k][j])).ToArray())];
        SingularParts parts = Decompose(matrix, 25);
        double norm = Math.Sqrt(parts.Energy);
        CheckError(matrix, parts, 0, 1e-6);
        Assert.That(parts.Values[3..], Is.All.LessThan(1e-6 * norm));
    }

    [Test]
    public void A_matrix_in_which_a_single_row_or_element_is_not_zero_is_kept_whole([Values(7, 700)] int side)
    {
        double[][] row = [.. Enumerable.Range(0, side).Select(_ => new double[side])];
        row[3] = Random(1, side, 5)[0];
        SingularParts parts = Decompose(row, 4);
        CheckError(row, parts, 0, 1e-6);
        row[3].AsSpan().Clear();
        row[3][2] = 0.25;
        parts = Decompose(row, 4);
        Assert.That(parts.Values[0], Is.EqualTo(0.25).Within(1e-7));
        CheckError(row, parts, 0, 1e-6);
    }

    [Test]
    public void Zeros_give_zero_factors_and_denormals_no_nan([Values(5, 600)] int side)
    {
        double[][] zeros = [.. Enumerable.Range(0, side).Select(_ => new double[side])];
        SingularParts parts = Decompose(zeros, 2);
        Assert.That(parts.Values, Is.All.Zero);
        Assert.That(parts.Residual(0), Is.Zero);
        Assert.That(Flat(parts.Left).Concat(Flat(parts.Right)), Is.All.Zero);

        double[][] tiny = Random(side, side, 9);
        foreach (double[] row in tiny)
        {
            for (int j = 0; j < side; j++)
            {
                row[j] = (float)(row[j] * 1e-37);
            }
        }

        parts = Decompose(tiny, 2);
        Assert.That(Flat(parts.Left).Concat(Flat(parts.Right)).All(float.IsFinite));
    }

    [TestCase(60, 90)]
    [TestCase(300, 270)]
    public void Threads_and_vector_widths_change_no_bit(int rows, int columns)
    {
        double[][] matrix = Random(rows, columns, 3);
        SingularParts expected = Decompose(matrix, 20, new CpuDevice(CpuPath.Scalar, 1), 1);
        foreach ((CpuPath path, int threads) in new[] { (CpuPath.Vector512, 1), (CpuPath.Vector256, 3), (CpuPath.Vector128, 4) })
        {
            SingularParts actual = Decompose(matrix, 20, new CpuDevice(path, threads), threads);
            Assert.That(actual.Values, Is.EqualTo(expected.Values));
            Assert.That(Flat(actual.Left), Is.EqualTo(Flat(expected.Left)));
            Assert.That(Flat(actual.Right), Is.EqualTo(Flat(expected.Right)));
        }
    }

    [Test]
    public void Another_seed_gives_other_directions_and_nearly_the_same_values()
    {
        double[][] matrix = WithSpectrum(300, 300, 0.9);
        SingularParts one = Decompose(matrix, 10);
        SingularParts other = Decompose(matrix, 10, seed: 8);
        Assert.That(Flat(one.Left), Is.Not.EqualTo(Flat(other.Left)));
        Assert.That(other.Values, Is.EqualTo(one.Values).Within(1e-4));
    }

    [Test]
    public void Cancelling_ends_it()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.That(
            () => Decompose(Random(300, 300, 1), 10, cancellation: stop.Token),
            Throws.InstanceOf<OperationCanceledException>());
    }

    /// <summary>What decompositions of ordinary matrices take; the figures of docs/twin-merging.md.</summary>
    [Explicit("a measurement: it prints the figures of docs/twin-merging.md, which depend on what else the machine does")]
    [TestCase(1024, 1024, 103)]
    [TestCase(4096, 1024, 103)]
    [TestCase(4096, 4096, 410)]
    [TestCase(256, 1024, 26)]
    public void Time_of_a_decomposition(int rows, int columns, int rank)
    {
        double[][] matrix = Random(rows, columns, 1);
        using var device = new CpuDevice(Environment.ProcessorCount);
        for (int time = 0; time < 2; time++)
        {
            long begin = Stopwatch.GetTimestamp();
            SingularParts parts = Decompose(matrix, rank, device, Environment.ProcessorCount);
            TestContext.Out.WriteLine(
                $"{rows} x {columns}, rank {rank}: {Stopwatch.GetElapsedTime(begin).TotalSeconds:F2} s, "
                + $"{1 - (parts.Residual(rank) / parts.Energy):P1} of the energy kept");
            Assert.That(parts.Rank, Is.EqualTo(rank));
        }
    }

    private static SingularParts Decompose(
        double[][] matrix, int rank, CpuDevice? device = null, int threads = 2, ulong seed = 7,
        CancellationToken cancellation = default)
    {
        using CpuDevice own = device ?? new CpuDevice(2);
        using DeviceQueue queue = own.CreateQueue();
        float[] values = [.. matrix.SelectMany(row => row).Select(value => (float)value)];
        using DeviceBuffer buffer = own.Allocate(values.Length * sizeof(float));
        DeviceSpan span = buffer.Span(DType.Float32, values.Length);
        queue.Upload(MemoryMarshal.AsBytes<float>(values), span);
        using var difference = new DifferenceMatrix(queue, span, new TensorMatrix(matrix.Length, matrix[0].Length));
        return TruncatedSvd.Decompose(difference, rank, seed, 11, threads, cancellation);
    }

    // The error of the factors as they are, and of what is said of it.
    private static void CheckError(double[][] matrix, SingularParts parts, double expected, double tolerance)
    {
        double square = 0;
        for (int i = 0; i < matrix.Length; i++)
        {
            for (int j = 0; j < matrix[0].Length; j++)
            {
                double left = matrix[i][j];
                for (int k = 0; k < parts.Rank; k++)
                {
                    left -= (double)parts.Left[k][i] * parts.Right[k][j];
                }

                square += left * left;
            }
        }

        double norm = Math.Sqrt(parts.Energy);
        Assert.That(Math.Sqrt(square), Is.EqualTo(expected).Within(tolerance * norm));
        Assert.That(Math.Sqrt(parts.Residual(parts.Rank)), Is.EqualTo(expected).Within(Math.Sqrt(1e-6) * norm));
    }

    private static void CheckVectors(SingularParts parts)
    {
        for (int k = 0; k < parts.Rank; k++)
        {
            Assert.That(parts.Right.Energy(k), Is.EqualTo(1).Within(1e-5), $"length of right vector {k}");
            Assert.That(
                Math.Sqrt(parts.Left.Energy(k)), Is.EqualTo(parts.Values[k]).Within(1e-5 * parts.Values[0]));
        }

        double[] gram = parts.Right.Gram(1);
        for (int k = 0; k < parts.Rank; k++)
        {
            for (int l = 0; l < k; l++)
            {
                Assert.That(gram[(k * parts.Rank) + l], Is.Zero.Within(1e-4), $"angle of right vectors {k} and {l}");
            }
        }
    }

    private static IEnumerable<float> Flat(HostMatrix matrix) =>
        Enumerable.Range(0, matrix.Rows).SelectMany(row => matrix[row]);

    private static double Tail(double[] values, int rank) => Math.Sqrt(values[rank..].Sum(value => value * value));

    private static double[][] Random(int rows, int columns, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, rows).Select(
            _ => Enumerable.Range(0, columns).Select(_ => (double)(float)(random.NextDouble() - 0.5)).ToArray())];
    }

    // A random matrix whose k-th row of one factor shrinks by so much.
    private static double[][] WithSpectrum(int rows, int columns, double decay)
    {
        int side = Math.Min(rows, columns);
        double[][] a = Random(side, rows, 1);
        double[][] b = Random(side, columns, 2);
        double[][] matrix = [.. Enumerable.Range(0, rows).Select(_ => new double[columns])];
        for (int k = 0; k < side; k++)
        {
            double scale = Math.Pow(decay, k);
            for (int i = 0; i < rows; i++)
            {
                for (int j = 0; j < columns; j++)
                {
                    matrix[i][j] += scale * a[k][i] * b[k][j];
                }
            }
        }

        return [.. matrix.Select(row => Array.ConvertAll(row, value => (double)(float)value))];
    }
}
