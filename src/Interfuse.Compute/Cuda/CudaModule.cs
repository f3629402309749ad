using System.Collections.Concurrent;
using System.Text;

namespace Interfuse.Compute.Cuda;

/// <summary>The kernels, loaded into a context.</summary>
internal sealed unsafe class CudaModule : CudaHandle
{
    private readonly ConcurrentDictionary<string, CudaKernel> _kernels = new(StringComparer.Ordinal);

    /// <summary>Loads an image.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="image">A fatbin, a cubin or PTX.</param>
    /// <exception cref="CudaDriverException">The driver can't use the image.</exception>
    public CudaModule(CudaContext context, ReadOnlySpan<byte> image)
        : base(context)
    {
        context.MakeCurrent();
        // PTX is text and ends with a zero.
        byte[] terminated = [.. image, 0];
        CUmodule module;
        fixed (byte* start = terminated)
        {
            Driver.Check(Driver.cuModuleLoadData(&module, start));
        }

        Own(module.Value);
    }

    /// <summary>The kernel of this name. The context is current.</summary>
    /// <exception cref="CudaDriverException">There is none.</exception>
    public CudaKernel Kernel(string name) => _kernels.TryGetValue(name, out CudaKernel? kernel) ? kernel : Find(name);

    protected override CUresult Free() => Driver.cuModuleUnload(new CUmodule(handle));

    private CudaKernel Find(string name)
    {
        CUfunction function;
        CUresult status;
        fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
        {
            status = Driver.cuModuleGetFunction(&function, new CUmodule(handle), text);
        }

        Driver.Check(status, $"{nameof(ICudaDriver.cuModuleGetFunction)} for kernel '{name}'");
        return _kernels.GetOrAdd(name, new CudaKernel(Driver, name, function));
    }
}
