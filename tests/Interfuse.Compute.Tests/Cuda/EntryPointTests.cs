using System.Reflection;
using System.Runtime.InteropServices;
using Interfuse.Compute.Cuda;
using Interfuse.Testing;

namespace Interfuse.Compute.Tests.Cuda;

public class EntryPointTests : SoftwareFixture
{
    private static IEnumerable<string> Functions => typeof(ICudaDriver).GetMethods().Select(method => method.Name);

    [TestCaseSource(nameof(Functions))]
    public void The_driver_exports_every_function_under_the_name_we_use(string function) =>
        Assert.That(SoftwareDriver.Exports(function), Is.True);

    [Test]
    public void Every_function_but_the_optional_one_is_an_import_of_the_same_name_and_signature()
    {
        Type imports = typeof(NvCuda).GetNestedType("Imports", BindingFlags.NonPublic)!;
        Assert.That(
            imports.GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
                .Where(method => !method.Name.StartsWith('<'))
                .Select(Signature),
            Is.EquivalentTo(typeof(ICudaDriver).GetMethods()
                .Where(method => method.Name != nameof(ICudaDriver.cuFuncGetParamInfo))
                .Select(Signature)));
    }

    // Functions with a newer form end in _v2; the form without it, where it exists, takes 32-bit sizes or older
    // structs.
    [TestCase("cuMemAlloc")]
    [TestCase("cuMemFree")]
    [TestCase("cuMemGetInfo")]
    [TestCase("cuMemcpyHtoDAsync")]
    [TestCase("cuMemcpyDtoHAsync")]
    [TestCase("cuMemcpyDtoDAsync")]
    [TestCase("cuDeviceTotalMem")]
    [TestCase("cuStreamDestroy")]
    [TestCase("cuEventDestroy")]
    [TestCase("cuDevicePrimaryCtxRelease")]
    [TestCase("cuMemAllocHost")]
    public void The_newer_form_of_a_function_is_used(string function)
    {
        Assert.That(Functions, Does.Contain(function + "_v2"));
        Assert.That(Functions, Does.Not.Contain(function));
    }

    [Test]
    public void Handles_are_as_large_as_in_the_vendors_headers()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Marshal.SizeOf<CUdevice>(), Is.EqualTo(sizeof(int)));
            Assert.That(Marshal.SizeOf<CUdeviceptr>(), Is.EqualTo(sizeof(ulong)));
            Assert.That(Marshal.SizeOf<CUcontext>(), Is.EqualTo(nint.Size));
            Assert.That(Marshal.SizeOf<CUmodule>(), Is.EqualTo(nint.Size));
            Assert.That(Marshal.SizeOf<CUfunction>(), Is.EqualTo(nint.Size));
            Assert.That(Marshal.SizeOf<CUstream>(), Is.EqualTo(nint.Size));
            Assert.That(Marshal.SizeOf<CUevent>(), Is.EqualTo(nint.Size));
            Assert.That(Enum.GetUnderlyingType(typeof(CUresult)), Is.EqualTo(typeof(int)));
            Assert.That(Enum.GetUnderlyingType(typeof(CUdevice_attribute)), Is.EqualTo(typeof(int)));
            Assert.That(Enum.GetUnderlyingType(typeof(CUfunction_attribute)), Is.EqualTo(typeof(int)));
            Assert.That(Enum.GetUnderlyingType(typeof(CUstream_flags)), Is.EqualTo(typeof(uint)));
            Assert.That(Enum.GetUnderlyingType(typeof(CUevent_flags)), Is.EqualTo(typeof(uint)));
        });
    }

    private static string Signature(MethodInfo method) =>
        $"{method.ReturnType} {method.Name}({string.Join(", ", method.GetParameters().Select(p => $"{p.ParameterType} {p.Name}"))})";
}
