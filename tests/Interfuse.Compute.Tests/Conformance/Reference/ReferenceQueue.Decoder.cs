namespace Interfuse.Compute.Tests.Conformance;

internal sealed partial class ReferenceQueue
{
    protected override void RmsNormCore(
        DeviceSpan x, DeviceSpan weights, DeviceSpan experts, int columns, float epsilon, DeviceSpan y)
    {
        long rows = x.Length / columns;
        for (long r = 0; r < rows; r++)
        {
            float[] row = Widened(x.Slice(r * columns, columns));
            float[] own = ExpertsRow(weights, experts, columns, r, rows);
            float scale = 1f / MathF.Sqrt((LaneDot(row, row) / columns) + epsilon);
            Write([.. row.Zip(own, (value, weight) => value * scale * weight)], y.Slice(r * columns, columns));
        }
    }

    protected override void AddBiasCore(DeviceSpan y, DeviceSpan bias, DeviceSpan experts, int columns)
    {
        long rows = y.Length / columns;
        for (long r = 0; r < rows; r++)
        {
            DeviceSpan row = y.Slice(r * columns, columns);
            float[] own = ExpertsRow(bias, experts, columns, r, rows);
            Write([.. Widened(row).Zip(own, (value, added) => value + added)], row);
        }
    }

    protected override void RotateCore(DeviceSpan x, DeviceSpan angles, int headLength)
    {
        float[] all = Widened(x);
        float[] turns = Widened(angles);
        int half = headLength / 2;
        int perToken = all.Length / (turns.Length / headLength);
        for (int head = 0; head < all.Length; head += headLength)
        {
            int token = perToken == 0 ? 0 : head / perToken;
            for (int i = 0; i < half; i++)
            {
                (float a, float b) = (all[head + i], all[head + half + i]);
                float cosine = turns[(token * headLength) + i];
                float sine = turns[(token * headLength) + half + i];
                all[head + i] = (a * cosine) - (b * sine);
                all[head + half + i] = (b * cosine) + (a * sine);
            }
        }

        Write(all, x);
    }

    protected override void SwiGluCore(DeviceSpan gate, DeviceSpan up, DeviceSpan y) =>
        Write([.. Widened(gate).Zip(Widened(up), (g, u) => g / (1f + Exp(-g)) * u)], y);

    private static float[] ExpertsRow(DeviceSpan perExpert, DeviceSpan experts, int columns, long row, long rows)
    {
        long expert = Words(experts)[(int)(row / (rows / experts.Length))];
        return Widened(perExpert.Slice(expert * columns, columns));
    }

    // As documented at CpuKernels.Exp: n whole powers of two times e^r, r up to half of ln 2, by its series.
    private static float Exp(float x)
    {
        if (float.IsNaN(x) || x > 88.72283f || x < -87.33654f)
        {
            return float.IsNaN(x) ? x : x > 0 ? float.PositiveInfinity : 0f;
        }

        float n = MathF.FusedMultiplyAdd(x, 1.44269504f, 12582912f) - 12582912f;
        float r = MathF.FusedMultiplyAdd(n, 2.12194440e-4f, MathF.FusedMultiplyAdd(n, -0.693359375f, x));
        float sum = 1f / 5040;
        foreach (int factorial in new[] { 720, 120, 24, 6, 2, 1, 1 })
        {
            sum = MathF.FusedMultiplyAdd(sum, r, 1f / factorial);
        }

        // Exact but for the one rounding of overflow: scaling by whole powers of two.
        return MathF.ScaleB(sum, (int)n);
    }
}
