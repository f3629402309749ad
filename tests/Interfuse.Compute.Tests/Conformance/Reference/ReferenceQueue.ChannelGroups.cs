using System.Runtime.InteropServices;

namespace Interfuse.Compute.Tests.Conformance;

internal sealed partial class ReferenceQueue
{
    protected override void ChannelGramsCore(
        DeviceSpan baseValues, ReadOnlySpan<DeviceSpan> experts, long channels, DeviceSpan grams)
    {
        Span<double> destination = MemoryMarshal.Cast<byte, double>(ReferenceDevice.BytesOf(grams));
        for (int channel = 0; channel < channels; channel++)
        {
            (float[] origin, float[][] rows) = ChannelRows(baseValues, experts, channels, channel);
            double[] gram = [.. Gram(origin, rows).Select(Canonical)];
            gram.CopyTo(destination[(channel * gram.Length)..]);
        }
    }

    protected override void MergeGroupsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        float lambda,
        DeviceSpan table,
        DeviceSpan bank)
    {
        int[] entries = MemoryMarshal.Cast<byte, int>(ReferenceDevice.BytesOf(table)).ToArray();
        for (int channel = 0; channel < channels; channel++)
        {
            (float[] origin, float[][] rows) = ChannelRows(baseValues, experts, channels, channel);
            foreach (IGrouping<int, float[]> group in rows.Select((row, expert) => (row, expert))
                .GroupBy(e => entries[(e.expert * (int)channels) + channel], e => e.row))
            {
                Store(Merged(origin, [.. group], lambda), Row(bank, group.Key, origin.Length));
            }
        }
    }

    private static (float[] Base, float[][] Experts) ChannelRows(
        DeviceSpan baseValues, ReadOnlySpan<DeviceSpan> experts, long channels, long channel)
    {
        long columns = baseValues.Length / channels;
        var rows = new float[experts.Length][];
        for (int expert = 0; expert < rows.Length; expert++)
        {
            rows[expert] = Widened(Row(experts[expert], channel, columns));
        }

        return (Widened(Row(baseValues, channel, columns)), rows);
    }

    private static DeviceSpan Row(DeviceSpan matrix, long row, long columns) => matrix.Slice(row * columns, columns);

    private static float[] Merged(float[] origin, float[][] members, float lambda) =>
        members.Length == 1
            ? members[0]
            : [.. origin.Select((b, i) => b + (lambda * MeanDelta(b, [.. members.Select(member => member[i])])))];

    private static float MeanDelta(float origin, float[] values)
    {
        float weight = 1f / values.Length;
        float sum = weight * (values[0] - origin);
        foreach (float value in values[1..])
        {
            sum += weight * (value - origin);
        }

        return sum;
    }

    private static double[] Gram(float[] origin, float[][] rows)
    {
        float[][] deltas = [.. rows.Select(row => row.Zip(origin, (x, b) => x - b).ToArray())];
        double[] gram = new double[deltas.Length * deltas.Length];
        for (int e = 0; e < deltas.Length; e++)
        {
            for (int f = 0; f < deltas.Length; f++)
            {
                for (int block = 0; block < deltas[e].Length; block += 1024)
                {
                    gram[(e * deltas.Length) + f] += BlockDot(
                        deltas[e].AsSpan(block, Math.Min(1024, deltas[e].Length - block)), deltas[f].AsSpan(block));
                }
            }
        }

        return gram;
    }

    private static double BlockDot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double[] lanes = new double[16];
        for (int i = 0; i < a.Length; i++)
        {
            lanes[i % 16] += (double)a[i] * b[i];
        }

        for (int half = 8; half > 0; half /= 2)
        {
            lanes = [.. lanes[..half].Zip(lanes[half..], (low, high) => low + high)];
        }

        return lanes[0];
    }

    private static double Canonical(double value) =>
        double.IsNaN(value) ? BitConverter.UInt64BitsToDouble(0x7FF8_0000_0000_0000) : value;
}
