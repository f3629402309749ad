using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Interfuse.Merging.Planning;

/// <summary>Which of Philox's streams an input of a tensor draws from.</summary>
internal static class DropStream
{
    /// <summary>The first eight bytes, little-endian, of the SHA-256 of the output tensor's name, a zero byte and the expert's index.</summary>
    /// <param name="tensor">The output tensor's name.</param>
    /// <param name="expert">The expert's place among the experts, from 0.</param>
    public static ulong Of(string tensor, int expert) =>
        BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{tensor}\0{expert}")));
}
