using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>
/// Multiplies vectors by the matrices of experts of a bank: a batch of them each by its own expert's, or a prompt's by one.
/// </summary>
internal sealed class BankMultiplyCase : KernelCase
{
    private readonly BankSource _source;
    private readonly MatrixShape _shape;
    private readonly IBank _bank;
    private readonly int[] _experts;
    private readonly bool _isPrompt;
    private readonly DeviceSpan _x;
    private readonly DeviceSpan _y;

    public BankMultiplyCase(TensorSet tensors, MatrixShape shape, BankSource source, int[] experts, bool isPrompt)
        : base(tensors, shape.Elements)
    {
        (_source, _shape, _experts, _isPrompt) = (source, shape, experts, isPrompt);
        _bank = source.Make(tensors, shape, new Part(0, shape.Channels));
        _x = Vectors(tensors);
        _y = tensors.Output(DType.Float32, experts.Length * shape.Channels);
        BytesRead = (shape.Channels * _bank.BytesOfRow(experts.Distinct().Count())) + _x.ByteLength;
        BytesWritten = _y.ByteLength;
    }

    public override void Run() => Multiply(Queue, _bank, _x, _y);

    private protected override string Compare(DeviceQueue reference)
    {
        IReadOnlyList<Part> parts = Part.RowsToVerify(_shape.Channels, BankSource.Experts * _shape.Columns);
        foreach (Part part in parts)
        {
            using var tensors = new TensorSet(reference);
            DeviceSpan y = tensors.Output(_y.DType, _experts.Length * part.Length);
            Multiply(reference, _source.Make(tensors, _shape, part), Vectors(tensors), y);
            for (int vector = 0; vector < _experts.Length; vector++)
            {
                long first = (vector * _shape.Channels) + part.Start;
                CheckSame(
                    Tensors.Read(_y.Slice(first, part.Length)),
                    tensors.Read(y.Slice(vector * part.Length, part.Length)),
                    _y.DType.Size(),
                    first);
            }
        }

        return Compared(parts);
    }

    private void Multiply(DeviceQueue queue, IBank bank, DeviceSpan x, DeviceSpan y)
    {
        if (_isPrompt)
        {
            bank.MatMul(queue, _experts[0], x, y);
        }
        else
        {
            bank.GatherMultiply(queue, _experts, x, y);
        }
    }

    private DeviceSpan Vectors(TensorSet tensors) => tensors.Input(
        InputPattern.Random, 2, _isPrompt ? DType.Float32 : DType.BFloat16, _experts.Length * _shape.Columns);
}
