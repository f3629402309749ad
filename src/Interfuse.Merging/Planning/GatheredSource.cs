using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Merging.Planning;

/// <summary>Where one row of a rearranged embedding comes from.</summary>
/// <param name="Model">The model's index, or one of the constants.</param>
/// <param name="Row">The row in that model's tensor.</param>
internal readonly record struct RowOrigin(int Model, int Row)
{
    /// <summary>The row of the tensor that belongs to the tokenizer's own model, which need not be one of those merged.</summary>
    public const int OwnerTensor = -1;

    /// <summary>The mean of <see cref="Parts"/>.</summary>
    public const int MeanOfAll = -2;

    /// <summary>The rows a mean is taken of.</summary>
    public RowOrigin[]? Parts { get; init; }
}

/// <summary>A matrix put together from rows of several models' matrices.</summary>
internal sealed class GatheredSource(
    CheckpointTensor own, RowOrigin[] origins, IReadOnlyList<CheckpointTensor?> tensors, CheckpointTensor owner) : TensorSource
{
    private static readonly CpuKernels Kernels = new();

    public override DType DType => own.Info.DType;

    public override CheckpointTensor Tensor => own;

    public override void Read(long firstElement, Span<byte> destination)
    {
        long columns = own.Info.Shape[1];
        int size = DType.Size();
        while (destination.Length > 0)
        {
            (long row, long column) = Math.DivRem(firstElement, columns);
            int count = (int)Math.Min(columns - column, destination.Length / size);
            ReadRow(origins[row], column, destination[..(count * size)]);
            destination = destination[(count * size)..];
            firstElement += count;
        }
    }

    private void ReadRow(RowOrigin origin, long column, Span<byte> destination)
    {
        if (origin.Model != RowOrigin.MeanOfAll)
        {
            CheckpointTensor tensor = origin.Model == RowOrigin.OwnerTensor ? owner : tensors[origin.Model]!;
            if (tensor.Info.DType == DType)
            {
                tensor.Read(((origin.Row * tensor.Info.Shape[1]) + column) * DType.Size(), destination);
                return;
            }

            origin = origin with { Model = RowOrigin.MeanOfAll, Parts = [origin] };
        }

        float[] mean = new float[destination.Length / DType.Size()];
        float[] values = new float[mean.Length];
        foreach (RowOrigin part in origin.Parts!)
        {
            CheckpointTensor tensor = part.Model == RowOrigin.OwnerTensor ? owner : tensors[part.Model]!;
            byte[] bytes = new byte[mean.Length * tensor.Info.DType.Size()];
            tensor.Read(((part.Row * tensor.Info.Shape[1]) + column) * tensor.Info.DType.Size(), bytes);
            Kernels.Widen(bytes, tensor.Info.DType, values);
            for (int i = 0; i < mean.Length; i++)
            {
                mean[i] += values[i] / origin.Parts!.Length;
            }
        }

        Kernels.Narrow(mean, DType, destination);
    }
}
