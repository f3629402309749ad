using System.Runtime.InteropServices;

namespace Interfuse.Compute.Tests.Conformance;

internal sealed partial class ReferenceQueue
{
    protected override void MatMulCore(in GroupedBank bank, int expert, DeviceSpan x, DeviceSpan y)
    {
        float[] vectors = Widened(x);
        var products = new float[y.Length];
        int columns = (int)bank.Columns;
        for (int channel = 0; channel < bank.Channels; channel++)
        {
            float[] row = Widened(BankRow(bank, expert, channel));
            for (int t = 0; t < vectors.Length / columns; t++)
            {
                products[(t * bank.Channels) + channel] = FusedDot(row, vectors.AsSpan(t * columns, columns));
            }
        }

        Write(products, y);
    }

    // One chain, from +0 in the order of the elements.
    private static float FusedDot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        float sum = 0f;
        for (int i = 0; i < a.Length; i++)
        {
            sum = MathF.FusedMultiplyAdd(a[i], b[i], sum);
        }

        return sum;
    }

    private static Span<int> Words(DeviceSpan span) =>
        MemoryMarshal.Cast<byte, int>(ReferenceDevice.BytesOf(span));
}
