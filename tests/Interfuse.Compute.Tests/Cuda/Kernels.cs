using System.Runtime.InteropServices;
using Interfuse.Compute.Cuda;

namespace Interfuse.Compute.Tests.Cuda;

/// <summary>A kernel for tests of what launches kernels: <c>interfuse_convert</c> of kernels/convert.cu.</summary>
internal static class Kernels
{
    public const string ConvertName = "interfuse_convert";

    public static void Convert(CudaQueue queue, DeviceSpan bf16, DeviceSpan f32)
    {
        ConvertArguments arguments = Arguments(bf16, f32);
        queue.Launch(ConvertName, (f32.Length + 2047) / 2048, 256, arguments);
    }

    public static ConvertArguments Arguments(DeviceSpan bf16, DeviceSpan f32) => new()
    {
        Source = ((ICudaBuffer)bf16.Buffer).Address + (ulong)bf16.ByteOffset,
        Destination = ((ICudaBuffer)f32.Buffer).Address + (ulong)f32.ByteOffset,
        Length = f32.Length,
        // The test's own place for the count of what is not finite: behind the results.
        NonFinite = ((ICudaBuffer)f32.Buffer).Address + (ulong)(f32.ByteOffset + f32.ByteLength),
        SourceDType = 1,
        DestinationDType = 0,
    };

    [StructLayout(LayoutKind.Sequential)]
    public struct ConvertArguments
    {
        public ulong Source;
        public ulong Destination;
        public long Length;
        public ulong NonFinite;
        public int SourceDType;
        public int DestinationDType;
        public int Aligned;
        public int Reserved;
    }
}
