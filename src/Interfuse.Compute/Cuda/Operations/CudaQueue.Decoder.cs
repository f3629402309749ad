namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    private const int DecoderThreads = 256;
    private const int BiasesPerBlock = 4 * DecoderThreads;
    private const int GatesPerBlock = 4 * DecoderThreads;

    /// <inheritdoc/>
    protected override void RmsNormCore(
        DeviceSpan x, DeviceSpan weights, DeviceSpan experts, int columns, float epsilon, DeviceSpan y)
    {
        long rows = x.Length / columns;
        Launch("interfuse_rms_norm", rows, DecoderThreads, new RmsNormArguments(
            Address(x), Address(weights), Address(experts), Address(y), columns, rows / experts.Length, epsilon));
    }

    /// <inheritdoc/>
    protected override void AddBiasCore(DeviceSpan y, DeviceSpan bias, DeviceSpan experts, int columns)
    {
        long rows = y.Length / columns;
        long parts = Quotient(columns, BiasesPerBlock);
        Launch("interfuse_add_bias", rows * parts, DecoderThreads, new AddBiasArguments(
            Address(y), Address(bias), Address(experts), columns, rows / experts.Length, parts));
    }

    /// <inheritdoc/>
    protected override void RotateCore(DeviceSpan x, DeviceSpan angles, int headLength)
    {
        long tokens = angles.Length / headLength;
        long pairs = x.Length / tokens / 2;
        long parts = Quotient(pairs, DecoderThreads);
        Launch("interfuse_rotate", tokens * parts, DecoderThreads, new RotateArguments(
            Address(x), Address(angles), headLength / 2, pairs, parts));
    }

    /// <inheritdoc/>
    protected override void SwiGluCore(DeviceSpan gate, DeviceSpan up, DeviceSpan y) =>
        Launch("interfuse_swiglu", Quotient(y.Length, GatesPerBlock), DecoderThreads, new SwiGluArguments(
            Address(gate), Address(up), Address(y), y.Length, AreAligned(gate, up, y) ? 1 : 0));
}
