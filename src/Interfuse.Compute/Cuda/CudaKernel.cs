namespace Interfuse.Compute.Cuda;

/// <summary>A kernel of a module. It takes one parameter, a struct by value.</summary>
internal sealed unsafe class CudaKernel(ICudaDriver driver, string name, CUfunction function)
{
    private readonly Lock _gate = new();
    private int _dynamicShared;
    private int _checkedSize;

    /// <summary>Queues a launch of a one-dimensional grid. The context is current.</summary>
    /// <param name="blocks">Blocks, at least 1.</param>
    /// <param name="threads">Threads per block.</param>
    /// <param name="sharedBytes">
    /// Dynamic shared memory per block; raised above 48 KiB where the device allows it.
    /// </param>
    /// <param name="arguments">The parameter, copied before this returns.</param>
    /// <param name="size">The parameter's size in bytes.</param>
    /// <param name="stream">Where to.</param>
    /// <exception cref="CudaDriverException">The driver refuses.</exception>
    /// <exception cref="InvalidOperationException">The kernel takes a parameter of another size.</exception>
    public void Launch(uint blocks, uint threads, int sharedBytes, void* arguments, int size, CUstream stream)
    {
        if (size != Volatile.Read(ref _checkedSize))
        {
            CheckSize(size);
        }

        if (sharedBytes > Volatile.Read(ref _dynamicShared))
        {
            RaiseDynamicShared(sharedBytes);
        }

        void** parameters = stackalloc void*[] { arguments };
        CUresult status = driver.cuLaunchKernel(
            function, blocks, 1, 1, threads, 1, 1, (uint)sharedBytes, stream, parameters, null);
        if (status != CUresult.CUDA_SUCCESS)
        {
            throw driver.Failure(
                status, $"{nameof(ICudaDriver.cuLaunchKernel)} of '{name}' ({blocks} blocks of {threads} threads)");
        }
    }

    // The driver copies as many bytes as the kernel's parameter has: too short a struct would be read beyond its end.
    private void CheckSize(int size)
    {
        nuint offset;
        nuint expected;
        CUresult status = driver.cuFuncGetParamInfo(function, 0, &offset, &expected);
        if (status != CUresult.CUDA_ERROR_NOT_SUPPORTED)
        {
            driver.Check(status, $"{nameof(ICudaDriver.cuFuncGetParamInfo)} of '{name}'");
            if (expected != (nuint)size)
            {
                throw new InvalidOperationException(
                    $"kernel '{name}' takes {expected} bytes of arguments, but {size} are given");
            }
        }

        Volatile.Write(ref _checkedSize, size);
    }

    // At first a kernel may use 48 KiB less what it declares itself.
    private void RaiseDynamicShared(int bytes)
    {
        const CUfunction_attribute Limit = CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
        lock (_gate)
        {
            int limit;
            driver.Check(driver.cuFuncGetAttribute(&limit, Limit, function));
            if (limit < bytes)
            {
                driver.Check(
                    driver.cuFuncSetAttribute(function, Limit, bytes),
                    $"{nameof(ICudaDriver.cuFuncSetAttribute)} of '{name}' to {bytes} bytes of shared memory");
                limit = bytes;
            }

            Volatile.Write(ref _dynamicShared, limit);
        }
    }
}
