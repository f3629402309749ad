using System.Buffers.Binary;
using System.Text;

namespace Interfuse.Checkpoints.Tests;

/// <summary>Safetensors files put together by hand, so that they can be wrong.</summary>
internal static class RawSafetensors
{
    public static byte[] Bytes(string json, int dataBytes)
    {
        byte[] header = Encoding.UTF8.GetBytes(json);
        return WithLength((ulong)header.Length, [.. header, .. new byte[dataBytes]]);
    }

    public static byte[] WithLength(ulong length, params ReadOnlySpan<byte> rest)
    {
        byte[] bytes = new byte[8 + rest.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        rest.CopyTo(bytes.AsSpan(8));
        return bytes;
    }

    /// <summary>A header entry, for example <c>"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}</c>.</summary>
    public static string Entry(string name, string dtype, string shape, string offsets) =>
        $$"""
        "{{name}}":{"dtype":"{{dtype}}","shape":{{shape}},"data_offsets":{{offsets}}}
        """;
}
