using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>Writes out one expert's matrix.</summary>
internal sealed class GatherCase : KernelCase
{
    private const int Experts = 4;
    private const int Expert = 1;

    private readonly ExpertBank _shape;
    private readonly GroupedBank _bank;
    private readonly DeviceSpan _destination;

    public GatherCase(TensorSet tensors, MatrixShape shape)
        : base(tensors, shape.Elements)
    {
        _shape = new ExpertBank(Experts, shape);
        _bank = _shape.Make(tensors, new Part(0, shape.Channels));
        _destination = tensors.Output(_bank.Rows.DType, shape.Elements);
        BytesRead = (shape.Channels * _shape.RowBytes) + (shape.Channels * _bank.Index.DType.Size());
        BytesWritten = _destination.ByteLength;
    }

    public override void Run() => Queue.Gather(_bank, Expert, 0, _destination);

    private protected override string Compare(DeviceQueue reference)
    {
        IReadOnlyList<Part> parts = Part.RowsToVerify(_bank.Channels, _bank.Columns);
        foreach (Part part in parts)
        {
            for (long row = part.Start; row < part.Start + part.Length; row++)
            {
                CheckSame(
                    Tensors.Read(_destination.Slice(row * _bank.Columns, _bank.Columns)),
                    _shape.RowOf(new ExpertRow(Expert, row)),
                    _destination.DType.Size(),
                    row * _bank.Columns);
            }
        }

        return Compared(parts);
    }
}
