namespace Interfuse.Compute.Cuda;

/// <summary>A buffer whose place in a device's memory is known.</summary>
internal interface ICudaBuffer
{
    /// <summary>Where it begins, a multiple of 256; 0 for an empty one.</summary>
    /// <exception cref="ObjectDisposedException">The buffer has been given back.</exception>
    ulong Address { get; }
}
