namespace Interfuse.Compute.Tests.Conformance;

internal sealed partial class ReferenceQueue
{
    private const int Lanes = 16;

    protected override void DotCore(DeviceSpan a, DeviceSpan b, Span<DotProducts> tiles)
    {
        float[] x = Widened(a);
        float[] y = Widened(b);
        for (int tile = 0; tile < tiles.Length; tile++)
        {
            tiles[tile] = new DotProducts(
                TileSum(tile, x.Length, i => (double)x[i] * x[i]),
                TileSum(tile, x.Length, i => (double)y[i] * y[i]),
                TileSum(tile, x.Length, i => (double)x[i] * y[i]));
        }
    }

    protected override void MagnitudeSumsCore(
        DeviceSpan baseValues, DeviceSpan expert, TaskTerm term, long firstElement, Span<MagnitudeSum> tiles)
    {
        float[] b = Widened(baseValues);
        float[] x = Widened(expert);
        for (int tile = 0; tile < tiles.Length; tile++)
        {
            tiles[tile] = new MagnitudeSum(
                TileSum(tile, b.Length, i => Math.Abs(x[i] - b[i])),
                TileSum(tile, b.Length, i => Math.Abs(
                    term.Scale * TaskFormulas.Survivor(b[i], x[i], term, firstElement + i))));
        }
    }

    private static double TileSum(int tile, int length, Func<int, double> value)
    {
        double sum = 0;
        int start = tile * TileGrid.TileLength;
        int end = Math.Min(start + TileGrid.TileLength, length);
        for (int block = start; block < end; block += TileGrid.BlockLength)
        {
            sum += BlockSum(block, Math.Min(block + TileGrid.BlockLength, end), value);
        }

        return sum;
    }

    private static double BlockSum(int start, int end, Func<int, double> value)
    {
        double[] lanes = new double[Lanes];
        for (int i = start; i < end; i++)
        {
            lanes[(i - start) % Lanes] += value(i);
        }

        for (int half = Lanes / 2; half > 0; half /= 2)
        {
            for (int lane = 0; lane < half; lane++)
            {
                lanes[lane] += lanes[lane + half];
            }
        }

        return lanes[0];
    }
}
