namespace Interfuse.Compute.Tests;

internal static class Expect
{
    /// <summary>Bit-equal, except that one NaN is as good as another.</summary>
    public static void SameFloats(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected, string what)
    {
        Assert.That(actual.Length, Is.EqualTo(expected.Length), what);
        for (int i = 0; i < actual.Length; i++)
        {
            if (Bits(actual[i]) != Bits(expected[i]))
            {
                Assert.Fail($"{what}: element {i} of {actual.Length} is {actual[i]:R}, expected {expected[i]:R}");
            }
        }
    }

    /// <summary>Within a number of units in the last place of a magnitude that the caller knows.</summary>
    public static void Close(float actual, double expected, double magnitude, double ulps, string what) =>
        Assert.That(actual, Is.EqualTo(expected).Within(ulps * magnitude * Math.Pow(2, -24)), what);

    private static uint Bits(float value) => float.IsNaN(value) ? 0x7FC0_0000 : BitConverter.SingleToUInt32Bits(value);
}
