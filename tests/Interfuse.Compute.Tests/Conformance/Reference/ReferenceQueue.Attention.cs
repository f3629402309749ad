namespace Interfuse.Compute.Tests.Conformance;

internal sealed partial class ReferenceQueue
{
    protected override void StoreKeyValuesCore(
        in KeyValuePages pages, in TokenPlaces places, DeviceSpan keys, DeviceSpan values)
    {
        for (int token = 0; token < places.Tokens; token++)
        {
            int position = Words(places.Positions)[token];
            for (int head = 0; head < pages.Heads; head++)
            {
                for (int i = 0; i < pages.HeadLength; i++)
                {
                    long source = (((token * pages.Heads) + head) * pages.HeadLength) + i;
                    (long key, long value) = Places(pages, places, token, position, head, i);
                    CopyCore(keys.Slice(source, 1), pages.Values.Slice(key, 1));
                    CopyCore(values.Slice(source, 1), pages.Values.Slice(value, 1));
                }
            }
        }
    }

    protected override void AttentionCore(
        in KeyValuePages pages, in TokenPlaces places, DeviceSpan queries, float scale, int window, DeviceSpan result)
    {
        int length = pages.HeadLength;
        int heads = (int)(queries.Length / places.Tokens / length);
        float[] all = Widened(pages.Values);
        for (int token = 0; token < places.Tokens; token++)
        {
            int position = Words(places.Positions)[token];
            int[] seen = [.. Enumerable.Range(0, position + 1).Where(j => position - (long)j < window)];
            for (int head = 0; head < heads; head++)
            {
                DeviceSpan place = queries.Slice(((token * heads) + head) * length, length);
                float[] query = Widened(place);
                float[] keys = new float[seen.Length * length];
                float[] values = new float[seen.Length * length];
                for (int j = 0; j < seen.Length; j++)
                {
                    for (int i = 0; i < length; i++)
                    {
                        (long key, long value) =
                            Places(pages, places, token, seen[j], head / (heads / pages.Heads), i);
                        keys[(j * length) + i] = all[key];
                        values[(j * length) + i] = all[value];
                    }
                }

                Write(
                    Attended(query, keys, values, seen, scale),
                    result.Slice(((token * heads) + head) * length, length));
            }
        }
    }

    private static float[] Attended(float[] query, float[] keys, float[] values, int[] seen, float scale)
    {
        int length = query.Length;
        float[] scores = [.. seen.Select((_, j) => FusedDot(query, keys.AsSpan(j * length, length)) * scale)];
        float greatest = scores.Any(float.IsNaN) ? float.NaN : scores.Max();
        float[] weights = Array.ConvertAll(scores, score => Exp(score - greatest));
        float total = 0f;
        var sums = new float[length];
        foreach (IGrouping<int, int> page in Enumerable.Range(0, seen.Length).GroupBy(j => seen[j] / 128))
        {
            var lanes = new float[16];
            var partial = new float[length];
            foreach (int j in page)
            {
                lanes[seen[j] % 16] += weights[j];
                for (int i = 0; i < length; i++)
                {
                    partial[i] = MathF.FusedMultiplyAdd(weights[j], values[(j * length) + i], partial[i]);
                }
            }

            total += Folded(lanes);
            sums = [.. sums.Zip(partial, (sum, added) => sum + added)];
        }

        return Array.ConvertAll(sums, sum => sum / total);
    }

    // Where element i of a position's key and value lie among all pages.
    private static (long Key, long Value) Places(
        in KeyValuePages pages, in TokenPlaces places, int token, int position, int head, int i)
    {
        int sequence = Words(places.Sequences)[token];
        long page = Words(places.Pages)[(int)(sequence * places.PagesPerSequence) + (position / 128)];
        long start = page * 2 * pages.Heads * pages.HeadLength * 128;
        int at = position % 128;
        long key = start + (((head * pages.HeadLength) + i) * 128) + at;
        long value = start + (((((pages.Heads + head) * 128) + at) * pages.HeadLength) + i);
        return (key, value);
    }
}
