using Interfuse.Checkpoints;

namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    private const int StepThreads = 256;

    // Elements that a thread does: 16 bytes of a 16-bit type.
    private const int StepLength = 8;

    // With no more inputs (besides the base) than these, kernels called "few" serve.
    private const int Few = 4;

    /// <inheritdoc/>
    protected override void ConvertCore(DeviceSpan source, DeviceSpan destination) =>
        LaunchSteps("interfuse_convert", destination.Length, new ConvertArguments(
            Address(source),
            Address(destination),
            destination.Length,
            NonFiniteCounter,
            Code(source.DType),
            Code(destination.DType),
            AreAligned(source, destination) ? 1 : 0));

    /// <inheritdoc/>
    protected override void LinearCombinationCore(
        ReadOnlySpan<DeviceSpan> inputs, ReadOnlySpan<float> weights, DeviceSpan destination)
    {
        var arguments = new LinearCombinationArguments
        {
            Destination = Address(destination),
            Length = destination.Length,
            NonFinite = NonFiniteCounter,
            Count = inputs.Length,
            DestinationDType = Code(destination.DType),
            Vectorized = AreAligned(inputs) && AreAligned(destination) ? 1 : 0,
        };
        for (int i = 0; i < inputs.Length; i++)
        {
            arguments.Inputs[i] = Address(inputs[i]);
            arguments.DTypes[i] = Code(inputs[i].DType);
            arguments.Weights[i] = weights[i];
        }

        bool few = inputs.Length <= Few;
        string kernel = CommonType(inputs[0], inputs) switch
        {
            DType.BFloat16 when few => "interfuse_linear_combination_bf16_few",
            DType.BFloat16 => "interfuse_linear_combination_bf16_many",
            DType.Float16 when few => "interfuse_linear_combination_f16_few",
            DType.Float16 => "interfuse_linear_combination_f16_many",
            _ when few => "interfuse_linear_combination_mixed_few",
            _ => "interfuse_linear_combination_mixed_many",
        };
        LaunchSteps(kernel, destination.Length, arguments);
    }

    private void LaunchSteps<TArguments>(string kernel, long elements, in TArguments arguments)
        where TArguments : unmanaged
    {
        const int BlockLength = StepThreads * StepLength;
        Launch(kernel, (elements + BlockLength - 1) / BlockLength, StepThreads, arguments);
    }

    private static bool AreAligned(params ReadOnlySpan<DeviceSpan> tensors)
    {
        foreach (DeviceSpan tensor in tensors)
        {
            if (Address(tensor) % 16 != 0)
            {
                return false;
            }
        }

        return true;
    }

    // The type that all have, or null.
    private static DType? CommonType(DeviceSpan first, params ReadOnlySpan<DeviceSpan> others)
    {
        foreach (DeviceSpan other in others)
        {
            if (other.DType != first.DType)
            {
                return null;
            }
        }

        return first.DType;
    }
}
