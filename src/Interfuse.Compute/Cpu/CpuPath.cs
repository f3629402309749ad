namespace Interfuse.Compute;

/// <summary>The vector width the CPU kernels compute with. Every path gives the same bits.</summary>
public enum CpuPath
{
    /// <summary>One element at a time.</summary>
    Scalar,

    /// <summary>Vectors of 128 bits: 4 float32.</summary>
    Vector128,

    /// <summary>Vectors of 256 bits: 8 float32.</summary>
    Vector256,

    /// <summary>Vectors of 512 bits: 16 float32.</summary>
    Vector512,
}
