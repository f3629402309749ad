namespace Interfuse.Compute.Tests.Conformance;

/// <summary>Philox 4x32-7 from the paper (Salmon et al., SC 2011): seven rounds, the key bumped between them.</summary>
internal static class Philox
{
    /// <summary>A word of a stream by its place.</summary>
    public static uint Word(ulong seed, ulong stream, long place) =>
        (uint)(Block(new UInt128(stream, (ulong)place / 4), seed) >> (32 * (int)(place % 4)));

    /// <summary>The number of one element, as <see cref="RandomDrop"/> says.</summary>
    public static ushort Number(ulong seed, ulong stream, long element) =>
        (ushort)(Block(new UInt128(stream, (ulong)element / 8), seed) >> (16 * (int)(element % 8)));

    /// <summary>Four words, the first in the lowest bits, as in the counter and in the key.</summary>
    public static UInt128 Block(UInt128 counter, ulong key)
    {
        (uint c0, uint c1, uint c2, uint c3) =
            ((uint)counter, (uint)(counter >> 32), (uint)(counter >> 64), (uint)(counter >> 96));
        (uint k0, uint k1) = ((uint)key, (uint)(key >> 32));
        for (int round = 0; round < 7; round++)
        {
            ulong product0 = 0xD2511F53ul * c0;
            ulong product1 = 0xCD9E8D57ul * c2;
            (c0, c1, c2, c3) = (
                (uint)(product1 >> 32) ^ c1 ^ k0, (uint)product1, (uint)(product0 >> 32) ^ c3 ^ k1, (uint)product0);
            k0 = unchecked(k0 + 0x9E3779B9);
            k1 = unchecked(k1 + 0xBB67AE85);
        }

        return new UInt128(((ulong)c3 << 32) | c2, ((ulong)c1 << 32) | c0);
    }
}
