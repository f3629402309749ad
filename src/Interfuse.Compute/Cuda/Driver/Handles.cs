namespace Interfuse.Compute.Cuda;

/// <summary>A device's handle: its ordinal.</summary>
internal readonly record struct CUdevice(int Value);

/// <summary>A context's handle.</summary>
internal readonly record struct CUcontext(nint Value);

/// <summary>A loaded module's handle.</summary>
internal readonly record struct CUmodule(nint Value);

/// <summary>A kernel's handle; it lives as long as its module.</summary>
internal readonly record struct CUfunction(nint Value);

/// <summary>A stream's handle.</summary>
internal readonly record struct CUstream(nint Value);

/// <summary>An event's handle.</summary>
internal readonly record struct CUevent(nint Value);

/// <summary>An address in a device's memory.</summary>
internal readonly record struct CUdeviceptr(ulong Value);
