namespace Interfuse.Compute.Tests.Conformance;

internal sealed partial class ReferenceQueue
{
    protected override void CountConflictsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TopKThreshold> keeps,
        long firstElement,
        Span<long> counts)
    {
        float[] b = Widened(baseValues);
        float[][] x = Array.ConvertAll(experts.ToArray(), Widened);
        for (int i = 0; i < b.Length; i++)
        {
            int[] signs = new int[x.Length];
            for (int e = 0; e < x.Length; e++)
            {
                float delta = x[e][i] - b[i];
                bool isKept = TaskFormulas.IsKept(delta, keeps[e], firstElement + i);
                signs[e] = !isKept || float.IsNaN(delta) ? 0 : Math.Sign(delta);
            }

            int pair = 0;
            for (int s = 1; s < x.Length; s++)
            {
                for (int t = 0; t < s; t++, pair += 2)
                {
                    counts[pair] += signs[s] * signs[t] != 0 ? 1 : 0;
                    counts[pair + 1] += signs[s] * signs[t] < 0 ? 1 : 0;
                }
            }

            counts[^2] += signs.Count(sign => sign != 0) >= 2 ? 1 : 0;
            counts[^1] += signs.Contains(1) && signs.Contains(-1) ? 1 : 0;
        }
    }
}
