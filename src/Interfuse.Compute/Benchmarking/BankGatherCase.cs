using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>Writes out one expert's matrix of a bank that keeps no rows of its own for it.</summary>
internal sealed class BankGatherCase : KernelCase
{
    private const int Expert = 1;

    private readonly BankSource _source;
    private readonly MatrixShape _shape;
    private readonly IBank _bank;
    private readonly DeviceSpan _destination;

    public BankGatherCase(TensorSet tensors, MatrixShape shape, BankSource source)
        : base(tensors, shape.Elements)
    {
        (_source, _shape) = (source, shape);
        _bank = source.Make(tensors, shape, new Part(0, shape.Channels));
        _destination = tensors.Output(DType.BFloat16, shape.Elements);
        BytesRead = shape.Channels * _bank.BytesOfRow(distinctExperts: 1);
        BytesWritten = _destination.ByteLength;
    }

    public override void Run() => _bank.Gather(Queue, Expert, 0, _destination);

    private protected override string Compare(DeviceQueue reference)
    {
        IReadOnlyList<Part> parts = Part.RowsToVerify(_shape.Channels, _shape.Columns);
        foreach (Part part in parts)
        {
            using var tensors = new TensorSet(reference);
            DeviceSpan expected = tensors.Output(_destination.DType, part.Length * _shape.Columns);
            _source.Make(tensors, _shape, part).Gather(reference, Expert, 0, expected);
            long first = part.Start * _shape.Columns;
            CheckSame(
                Tensors.Read(_destination.Slice(first, expected.Length)), tensors.Read(expected), expected.DType.Size(), first);
        }

        return Compared(parts);
    }
}
