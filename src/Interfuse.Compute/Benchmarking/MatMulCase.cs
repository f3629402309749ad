using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>Multiplies the vectors of a prompt by the matrix of one expert.</summary>
internal sealed class MatMulCase : KernelCase
{
    private const int Experts = 2;
    private const int Expert = 1;

    private readonly ExpertBank _shape;
    private readonly GroupedBank _bank;
    private readonly int _vectors;
    private readonly DeviceSpan _x;
    private readonly DeviceSpan _y;

    public MatMulCase(TensorSet tensors, MatrixShape shape, int vectors)
        : base(tensors, shape.Elements)
    {
        _shape = new ExpertBank(Experts, shape);
        _bank = _shape.Make(tensors, new Part(0, shape.Channels));
        _vectors = vectors;
        _x = Vectors(tensors);
        _y = tensors.Output(DType.Float32, vectors * shape.Channels);
        BytesRead = (shape.Channels * (_shape.RowBytes + _bank.Index.DType.Size())) + _x.ByteLength;
        BytesWritten = _y.ByteLength;
    }

    public override void Run() => Queue.MatMul(_bank, Expert, _x, _y);

    private protected override string Compare(DeviceQueue reference)
    {
        IReadOnlyList<Part> parts = Part.RowsToVerify(_bank.Channels, Experts * _bank.Columns);
        foreach (Part part in parts)
        {
            using var tensors = new TensorSet(reference);
            DeviceSpan y = tensors.Output(_y.DType, _vectors * part.Length);
            reference.MatMul(_shape.Make(tensors, part), Expert, Vectors(tensors), y);
            for (int vector = 0; vector < _vectors; vector++)
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
        InputPattern.Random, 1, DType.Float32, _vectors * _shape.Shape.Columns);
}
