using System.Runtime.InteropServices;

namespace Interfuse.Compute.Tests.Conformance;

internal sealed partial class ReferenceQueue
{
    protected override void ElectUnifiedCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        DeviceSpan unified,
        DeviceSpan masks,
        DeviceSpan sums)
    {
        Span<uint> words = MemoryMarshal.Cast<byte, uint>(ReferenceDevice.BytesOf(masks));
        Span<double> stored = MemoryMarshal.Cast<byte, double>(ReferenceDevice.BytesOf(sums));
        words.Clear();
        int wordsPerRow = (int)((unified.Length / channels) + 31) / 32;
        for (int channel = 0; channel < channels; channel++)
        {
            (float[] origin, float[][] rows) = ChannelRows(baseValues, experts, channels, channel);
            float[][] deltas = [.. rows.Select(row => row.Zip(origin, (x, b) => x - b).ToArray())];
            DeviceSpan place = Row(unified, channel, origin.Length);
            Store([.. origin.Select((_, i) => Elected([.. deltas.Select(delta => delta[i])]))], place);
            float[] elected = Widened(place);
            for (int expert = 0; expert < deltas.Length; expert++)
            {
                float[] delta = deltas[expert];
                bool[] agrees = [.. delta.Zip(elected, (d, u) => d * (double)u > 0)];
                Span<uint> mask = words.Slice(((expert * (int)channels) + channel) * wordsPerRow, wordsPerRow);
                for (int i = 0; i < agrees.Length; i++)
                {
                    mask[i / 32] |= agrees[i] ? 1u << (i % 32) : 0;
                }

                float[] agreed = [.. elected.Zip(agrees, (u, agrees) => agrees ? u : 0f)];
                double[] expertSums =
                [
                    RowSum(delta.Length, i => Math.Abs(delta[i])),
                    RowSum(delta.Length, i => Math.Abs(agreed[i])),
                    RowSum(delta.Length, i => (double)delta[i] * delta[i]),
                    RowSum(delta.Length, i => (double)agreed[i] * agreed[i]),
                    RowSum(delta.Length, i => (double)delta[i] * agreed[i]),
                ];
                expertSums.CopyTo(stored[(((channel * deltas.Length) + expert) * expertSums.Length)..]);
            }
        }
    }

    private static float Elected(float[] deltas)
    {
        float sum = 0;
        foreach (float delta in deltas)
        {
            sum += delta;
        }

        int sign = sum > 0 ? 1 : -1;
        return sign * deltas.Where(delta => delta * sign > 0).Select(Math.Abs).DefaultIfEmpty(0f).Max() + 0f;
    }

    private static double RowSum(int length, Func<int, double> value)
    {
        double sum = 0;
        for (int block = 0; block < length; block += 1024)
        {
            sum += BlockSum(block, Math.Min(block + 1024, length), value);
        }

        return Canonical(sum);
    }
}
