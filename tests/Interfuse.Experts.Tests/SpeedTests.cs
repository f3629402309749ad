using System.Diagnostics;
using System.Globalization;
using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests;

/// <summary>Measurements, made when asked for: other work on the machine would falsify them.</summary>
public sealed class SpeedTests
{
    private const int Rows = 16384;
    private const int Columns = 4096;
    private const int Rounds = 9;

    [Test]
    [Explicit("a measurement: it prints a figure, which depends on what else the machine does")]
    public void A_whole_expert_is_read_nearly_as_fast_as_memory_is_copied()
    {
        using var folder = new TempFolder();
        var random = new Random(1);
        byte[] bank = new byte[2 * Rows * Columns * 2];
        random.NextBytes(bank);
        int[] table = [.. Enumerable.Range(0, 4 * Rows).Select(place => (2 * (place % Rows)) + random.Next(2))];
        new PackBuilder("a", "b", "c", "d")
            .Grouped(new TensorSpec("w", DType.BFloat16, [Rows, Columns]), bank, table)
            .Write(folder["pack"]);
        using var pack = ExpertPack.Open(folder["pack"]);
        PackTensor tensor = pack.Tensors[0];
        byte[] destination = new byte[tensor.Spec.ByteLength];
        double[] reads = new double[Rounds];
        double[] copies = new double[Rounds];

        // In turns, so that both meet the same machine; the first round brings the pages in.
        for (int round = 0; round < Rounds; round++)
        {
            reads[round] = Seconds(() => pack.Read(tensor, round % 4, destination));
            copies[round] = Seconds(() => CopyOnAllCores(bank, destination));
        }

        double read = reads.Skip(1).Order().ElementAt((Rounds - 1) / 2);
        double copy = copies.Skip(1).Order().ElementAt((Rounds - 1) / 2);
        TestContext.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"read {destination.Length / read / 1e9:0.00} GB/s, {copy / read:0.00} of a copy on all cores"));
        Assert.That(copy / read, Is.AtLeast(0.8));
    }

    private static double Seconds(Action work)
    {
        long begin = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    private static void CopyOnAllCores(byte[] source, byte[] destination)
    {
        int parts = Environment.ProcessorCount;
        int length = destination.Length / parts;
        Parallel.For(0, parts, part =>
            source.AsSpan(part * length, length).CopyTo(destination.AsSpan(part * length, length)));
    }
}
