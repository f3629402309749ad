namespace Interfuse.Compute.Tests;

/// <summary>The kernels' formulas in plain float32, one element at a time, written from their documentation.</summary>
internal static class Formulas
{
    public static uint Magnitude(float delta) =>
        float.IsNaN(delta) ? 0x7FC0_0000 : BitConverter.SingleToUInt32Bits(delta) & 0x7FFF_FFFF;

    public static float Trimmed(float baseValue, float expert, uint minimumBits)
    {
        float delta = expert - baseValue;
        return Magnitude(delta) < minimumBits ? 0f : delta;
    }

    public static float[] Contributions(float baseValue, ReadOnlySpan<float> experts, ReadOnlySpan<BlockTerm> terms)
    {
        var values = new float[experts.Length];
        for (int i = 0; i < values.Length; i++)
        {
            float scaled = terms[i].Scale * Trimmed(baseValue, experts[i], terms[i].MinimumBits);
            values[i] = terms[i].Weight * scaled;
        }

        return values;
    }

    public static float Sum(ReadOnlySpan<float> values)
    {
        float sum = values[0];
        foreach (float value in values[1..])
        {
            sum += value;
        }

        return sum;
    }

    public static float Add(
        float baseValue, ReadOnlySpan<float> values, ReadOnlySpan<float> weights, Consensus consensus)
    {
        float delta = Sum(values);
        if (consensus.Normalize)
        {
            float divisor = Sum(weights);
            delta /= MathF.Abs(divisor) < 1e-8f ? 1f : divisor;
        }

        return baseValue + (consensus.Lambda == 1f ? delta : consensus.Lambda * delta);
    }

    public static float Elect(
        float baseValue, ReadOnlySpan<float> values, ReadOnlySpan<float> weights, Consensus consensus)
    {
        float sum = Sum(values);
        if (float.IsNaN(sum))
        {
            return float.NaN;
        }

        int majority = sum > 0 ? 1 : sum < 0 ? -1 : consensus.ZeroSum == ZeroSum.Positive ? 1 : 0;
        float delta = 0f;
        float divisor = 0f;
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i] != 0 && MathF.Sign(values[i]) == majority)
            {
                delta += values[i];
                divisor += weights[i];
            }
        }

        if (consensus.Normalize)
        {
            delta /= divisor == 0 ? 1f : divisor;
        }

        return baseValue + (consensus.Lambda == 1f ? delta : consensus.Lambda * delta);
    }
}
