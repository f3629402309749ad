using System.Runtime.InteropServices;
using Interfuse.Compute.Cuda;

namespace Interfuse.Compute.Tests.Cuda;

public unsafe class StatusTests : SoftwareFixture
{
    // From cuda.h of CUDA 11.8, where each constant is written with its number.
    private static readonly Dictionary<string, int> Header = new()
    {
        ["CUDA_SUCCESS"] = 0,
        ["CUDA_ERROR_INVALID_VALUE"] = 1,
        ["CUDA_ERROR_OUT_OF_MEMORY"] = 2,
        ["CUDA_ERROR_NOT_INITIALIZED"] = 3,
        ["CUDA_ERROR_DEINITIALIZED"] = 4,
        ["CUDA_ERROR_STUB_LIBRARY"] = 34,
        ["CUDA_ERROR_DEVICE_UNAVAILABLE"] = 46,
        ["CUDA_ERROR_NO_DEVICE"] = 100,
        ["CUDA_ERROR_INVALID_DEVICE"] = 101,
        ["CUDA_ERROR_INVALID_IMAGE"] = 200,
        ["CUDA_ERROR_INVALID_CONTEXT"] = 201,
        ["CUDA_ERROR_NO_BINARY_FOR_GPU"] = 209,
        ["CUDA_ERROR_ECC_UNCORRECTABLE"] = 214,
        ["CUDA_ERROR_INVALID_PTX"] = 218,
        ["CUDA_ERROR_UNSUPPORTED_PTX_VERSION"] = 222,
        ["CUDA_ERROR_INVALID_HANDLE"] = 400,
        ["CUDA_ERROR_NOT_FOUND"] = 500,
        ["CUDA_ERROR_NOT_READY"] = 600,
        ["CUDA_ERROR_ILLEGAL_ADDRESS"] = 700,
        ["CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"] = 701,
        ["CUDA_ERROR_LAUNCH_TIMEOUT"] = 702,
        ["CUDA_ERROR_MISALIGNED_ADDRESS"] = 716,
        ["CUDA_ERROR_LAUNCH_FAILED"] = 719,
        ["CUDA_ERROR_NOT_SUPPORTED"] = 801,
        ["CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"] = 803,
        ["CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE"] = 804,
        ["CUDA_ERROR_UNKNOWN"] = 999,
    };

    [Test]
    public void Codes_are_those_of_the_header() =>
        Assert.That(Enum.GetValues<CUresult>().ToDictionary(code => code.ToString(), code => (int)code), Is.EqualTo(Header));

    [Test]
    public void Attributes_and_flags_are_those_of_the_header() => Assert.Multiple(() =>
    {
        Assert.That((int)CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, Is.EqualTo(16));
        Assert.That((int)CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, Is.EqualTo(75));
        Assert.That((int)CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, Is.EqualTo(76));
        Assert.That((int)CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, Is.EqualTo(8));
        Assert.That((uint)CUstream_flags.CU_STREAM_NON_BLOCKING, Is.EqualTo(1));
        Assert.That((uint)CUevent_flags.CU_EVENT_DISABLE_TIMING, Is.EqualTo(2));
    });

    [Test]
    public void The_driver_calls_its_codes_what_we_call_them()
    {
        foreach (CUresult code in Enum.GetValues<CUresult>())
        {
            byte* name;
            Assert.That(Driver.cuGetErrorName(code, &name), Is.EqualTo(CUresult.CUDA_SUCCESS), code.ToString());
            Assert.That(Marshal.PtrToStringUTF8((nint)name), Is.EqualTo(code.ToString()));
        }
    }

    [Test]
    public void A_failed_call_says_its_name_the_drivers_words_and_what_to_do()
    {
        CudaDriverException failure = Assert.Throws<CudaDriverException>(
            () => Driver.Check(CUresult.CUDA_ERROR_NO_BINARY_FOR_GPU, "driver.cuModuleLoadData(&module, image)"))!;
        Assert.Multiple(() =>
        {
            Assert.That(failure.Code, Is.EqualTo(209));
            Assert.That(failure.Name, Is.EqualTo("CUDA_ERROR_NO_BINARY_FOR_GPU"));
            Assert.That(failure.Call, Is.EqualTo("cuModuleLoadData"));
            Assert.That(failure.Message, Is.EqualTo(
                "cuModuleLoadData failed: CUDA_ERROR_NO_BINARY_FOR_GPU (209), no kernel image is available for execution on "
                + "the device; the kernels were not built for this device and driver: build them again, or update the driver"));
            Assert.That(failure, Is.InstanceOf<InterfuseException>());
        });
    }

    [Test]
    public void The_compiler_names_the_call_that_failed()
    {
        CudaDriverException failure = Assert.Throws<CudaDriverException>(
            () => Driver.Check(Driver.cuMemFree_v2(new CUdeviceptr(12345))))!;
        Assert.That(failure.Call, Is.EqualTo("cuMemFree_v2"));
    }

    [Test]
    public void A_code_without_a_name_is_reported_with_its_number() => Assert.That(
        () => Driver.Check((CUresult)12345, "cuInit(0)"),
        Throws.InstanceOf<CudaDriverException>().With.Message.EqualTo("cuInit failed: an error unknown to the driver (12345)"));

    [Test]
    public void What_no_later_call_survives_is_fatal() => Assert.Multiple(() =>
    {
        Assert.That(CudaStatus.IsFatal(CUresult.CUDA_ERROR_LAUNCH_FAILED), Is.True);
        Assert.That(CudaStatus.IsFatal(CUresult.CUDA_ERROR_OUT_OF_MEMORY), Is.False);
    });
}
