using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Tests;

/// <summary>Products and rows of loaded tensors, brought to the host.</summary>
internal static class LoadedProducts
{
    public static float[] Multiply(DeviceQueue queue, LoadedTensor tensor, int[] experts, float[] vectors) => Run(
        queue, vectors, experts.Length * tensor.Matrix.Rows, (x, y) => tensor.Multiply(queue, experts, x, y));

    public static float[] MatMul(DeviceQueue queue, LoadedTensor tensor, int expert, float[] vectors) => Run(
        queue,
        vectors,
        vectors.Length / tensor.Matrix.Columns * tensor.Matrix.Rows,
        (x, y) => tensor.MatMul(queue, expert, x, y));

    public static byte[] Gather(DeviceQueue queue, LoadedTensor tensor, int expert, long firstRow, long rows)
    {
        long elements = rows * tensor.Matrix.Columns;
        using DeviceBuffer buffer = queue.Device.Allocate(elements * tensor.Spec.DType.Size());
        DeviceSpan place = buffer.Span(tensor.Spec.DType, elements);
        tensor.Gather(queue, expert, firstRow, place);
        byte[] bytes = new byte[place.ByteLength];
        queue.Download(place, bytes);
        return bytes;
    }

    private static float[] Run(DeviceQueue queue, float[] vectors, long products, Action<DeviceSpan, DeviceSpan> operation)
    {
        using DeviceBuffer x = queue.Device.Allocate(4L * vectors.Length);
        using DeviceBuffer y = queue.Device.Allocate(4 * products);
        queue.Upload(MemoryMarshal.AsBytes<float>(vectors), x.Span(DType.Float32, vectors.Length));
        operation(x.Span(DType.Float32, vectors.Length), y.Span(DType.Float32, products));
        byte[] bytes = new byte[4 * products];
        queue.Download(y.Span(DType.Float32, products), bytes);
        return MemoryMarshal.Cast<byte, float>(bytes).ToArray();
    }
}
