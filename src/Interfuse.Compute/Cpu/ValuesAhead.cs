using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Interfuse.Compute;

/// <summary>Stored values that are needed soon: where they begin, in one or two places.</summary>
/// <param name="First">An address, or 0 for none.</param>
/// <param name="Second">Another one, or 0.</param>
internal readonly record struct ValuesAhead(nint First, nint Second = 0)
{
    private const int CacheLine = 64;

    /// <summary>Has them fetched into the second-level cache.</summary>
    /// <param name="start">How many bytes after the addresses the first line lies.</param>
    /// <param name="length">How many bytes, a multiple of a line.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Fetch(int start, int length)
    {
        if (Sse.IsSupported)
        {
            Fetch(First, start, length);
            Fetch(Second, start, length);
        }
    }

    // An address beyond the end does no harm.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void Fetch(nint address, int start, int length)
    {
        if (address != 0)
        {
            for (int line = 0; line < length; line += CacheLine)
            {
                Sse.Prefetch1((byte*)address + start + line);
            }
        }
    }
}
