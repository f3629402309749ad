using System.Runtime.InteropServices;

namespace Interfuse.Compute.Tests;

/// <summary>A destination at an odd offset between guard bytes that no kernel may touch.</summary>
internal sealed class Guarded<T>(int length)
    where T : unmanaged
{
    private const int Guard = 132;
    private const byte Canary = 0xA5;

    private readonly byte[] _bytes = Enumerable.Repeat(Canary, (2 * Guard) + (length * Marshal.SizeOf<T>())).ToArray();

    public Span<T> Span => MemoryMarshal.Cast<byte, T>(_bytes.AsSpan()[Guard..^Guard]);

    /// <summary>The values, after a look at the guards.</summary>
    public T[] Checked()
    {
        Assert.That(_bytes.AsSpan()[..Guard].ContainsAnyExcept(Canary), Is.False, "written before the destination");
        Assert.That(_bytes.AsSpan()[^Guard..].ContainsAnyExcept(Canary), Is.False, "written behind the destination");
        return Span.ToArray();
    }
}
