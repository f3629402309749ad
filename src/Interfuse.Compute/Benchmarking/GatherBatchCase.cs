using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>Copies rows for requests of a popularity, as many as one expert's matrix has.</summary>
internal sealed class GatherBatchCase : KernelCase
{
    private const int Experts = 4;

    private readonly ExpertBank _shape;
    private readonly GroupedBank _bank;
    private readonly ExpertRow[] _requests;
    private readonly DeviceSpan _destination;

    public GatherBatchCase(TensorSet tensors, MatrixShape shape, Popularity popularity)
        : base(tensors, shape.Elements)
    {
        _shape = new ExpertBank(Experts, shape);
        _bank = _shape.Make(tensors, new Part(0, shape.Channels));
        long[] rows = popularity.Pick((int)shape.Channels, Experts * shape.Channels);
        _requests = [.. rows.Select(row => new ExpertRow((int)(row % Experts), row / Experts))];
        _destination = tensors.Output(_bank.Rows.DType, shape.Elements);
        int distinct = rows.Distinct().Count();
        BytesRead = distinct * (_shape.RowBytes + _bank.Index.DType.Size());
        BytesWritten = _destination.ByteLength;
    }

    public override void Run() => Queue.GatherBatch(_bank, _requests, _destination);

    private protected override string Compare(DeviceQueue reference)
    {
        IReadOnlyList<Part> parts = Part.RowsToVerify(_requests.Length, _bank.Columns);
        foreach (Part part in parts)
        {
            for (long request = part.Start; request < part.Start + part.Length; request++)
            {
                CheckSame(
                    Tensors.Read(_destination.Slice(request * _bank.Columns, _bank.Columns)),
                    _shape.RowOf(_requests[request]),
                    _destination.DType.Size(),
                    request * _bank.Columns);
            }
        }

        return Compared(parts);
    }
}
