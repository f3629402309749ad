using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>Multiplies a batch of vectors by the matrices of experts that are wanted by a popularity.</summary>
internal sealed class GatherMultiplyCase : KernelCase
{
    private const int Experts = 16;

    private readonly ExpertBank _shape;
    private readonly GroupedBank _bank;
    private readonly int[] _experts;
    private readonly DeviceSpan _x;
    private readonly DeviceSpan _y;

    public GatherMultiplyCase(TensorSet tensors, MatrixShape shape, int batch, Popularity popularity)
        : base(tensors, shape.Elements)
    {
        _shape = new ExpertBank(Experts, shape);
        _bank = _shape.Make(tensors, new Part(0, shape.Channels));
        _experts = [.. popularity.Pick(batch, Experts).Select(expert => (int)expert)];
        _x = Vectors(tensors);
        _y = tensors.Output(DType.Float32, batch * shape.Channels);
        long rows = _experts.Distinct().Count() * shape.Channels;
        BytesRead = (rows * (_shape.RowBytes + _bank.Index.DType.Size())) + _x.ByteLength;
        BytesWritten = _y.ByteLength;
    }

    public override void Run() => Queue.GatherMultiply(_bank, _experts, _x, _y);

    private protected override string Compare(DeviceQueue reference)
    {
        IReadOnlyList<Part> parts = Part.RowsToVerify(_bank.Channels, Experts * _bank.Columns);
        foreach (Part part in parts)
        {
            using var tensors = new TensorSet(reference);
            DeviceSpan y = tensors.Output(_y.DType, _experts.Length * part.Length);
            reference.GatherMultiply(_shape.Make(tensors, part), _experts, Vectors(tensors), y);
            for (int vector = 0; vector < _experts.Length; vector++)
            {
                long first = (vector * _bank.Channels) + part.Start;
                CheckSame(
                    Tensors.Read(_y.Slice(first, part.Length)),
                    tensors.Read(y.Slice(vector * part.Length, part.Length)),
                    _y.DType.Size(),
                    first);
            }
        }

        return Compared(parts);
    }

    private DeviceSpan Vectors(TensorSet tensors) => tensors.Input(
        InputPattern.Random, 1, DType.BFloat16, _experts.Length * _shape.Shape.Columns);
}
