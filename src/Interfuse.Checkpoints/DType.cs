namespace Interfuse.Checkpoints;

/// <summary>The element types a safetensors file can hold.</summary>
public enum DType
{
    /// <summary>One byte per element, 0 or 1.</summary>
    Bool,

    /// <summary>Unsigned 8-bit integer.</summary>
    UInt8,

    /// <summary>Signed 8-bit integer.</summary>
    Int8,

    /// <summary>Unsigned 16-bit integer.</summary>
    UInt16,

    /// <summary>Signed 16-bit integer.</summary>
    Int16,

    /// <summary>Unsigned 32-bit integer.</summary>
    UInt32,

    /// <summary>Signed 32-bit integer.</summary>
    Int32,

    /// <summary>Unsigned 64-bit integer.</summary>
    UInt64,

    /// <summary>Signed 64-bit integer.</summary>
    Int64,

    /// <summary>8-bit float, 4 exponent and 3 mantissa bits, no infinities (OCP FP8 E4M3).</summary>
    Float8E4M3,

    /// <summary>8-bit float, 5 exponent and 2 mantissa bits (OCP FP8 E5M2).</summary>
    Float8E5M2,

    /// <summary>IEEE 754 binary16.</summary>
    Float16,

    /// <summary>The upper half of an IEEE 754 binary32.</summary>
    BFloat16,

    /// <summary>IEEE 754 binary32.</summary>
    Float32,

    /// <summary>IEEE 754 binary64.</summary>
    Float64,
}

/// <summary>Sizes and names of the <see cref="DType"/> values.</summary>
public static class DTypes
{
    // In the order of the enum. The PyTorch name is what config.json and recipes use.
    private static readonly (int Size, string Safetensors, string Torch)[] Table =
    [
        (1, "BOOL", "bool"),
        (1, "U8", "uint8"),
        (1, "I8", "int8"),
        (2, "U16", "uint16"),
        (2, "I16", "int16"),
        (4, "U32", "uint32"),
        (4, "I32", "int32"),
        (8, "U64", "uint64"),
        (8, "I64", "int64"),
        (1, "F8_E4M3", "float8_e4m3fn"),
        (1, "F8_E5M2", "float8_e5m2"),
        (2, "F16", "float16"),
        (2, "BF16", "bfloat16"),
        (4, "F32", "float32"),
        (8, "F64", "float64"),
    ];

    /// <summary>Bytes per element: 1, 2, 4 or 8.</summary>
    public static int Size(this DType dtype) => Table[(int)dtype].Size;

    /// <summary>The name used in a safetensors header, for example <c>BF16</c>.</summary>
    public static string SafetensorsName(this DType dtype) => Table[(int)dtype].Safetensors;

    /// <summary>The name PyTorch, config.json and recipes use, for example <c>bfloat16</c>.</summary>
    public static string TorchName(this DType dtype) => Table[(int)dtype].Torch;

    /// <summary>
    /// Whether the engine can do arithmetic on this type: bf16, f16, f32 and f64 (FP8 is carried, not computed with).
    /// </summary>
    public static bool IsArithmetic(this DType dtype) => dtype >= DType.Float16;

    /// <summary>Whether this is one of the two 8-bit floats.</summary>
    public static bool IsFloat8(this DType dtype) => dtype is DType.Float8E4M3 or DType.Float8E5M2;

    /// <summary>Finds the type with this safetensors name (exact, upper case).</summary>
    public static bool TryParseSafetensors(string name, out DType dtype)
    {
        int index = Array.FindIndex(Table, entry => entry.Safetensors == name);
        dtype = (DType)Math.Max(index, 0);
        return index >= 0;
    }
}
