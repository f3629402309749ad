using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>Calls an elementwise operation.</summary>
/// <param name="queue">The queue to call it on.</param>
/// <param name="inputs">The base, then the experts.</param>
/// <param name="firstElement">The flat index of the first element.</param>
/// <param name="destination">Receives the result.</param>
internal delegate void ElementwiseOperation(
    DeviceQueue queue, DeviceSpan[] inputs, long firstElement, DeviceSpan destination);

/// <summary>An operation whose every element depends on the inputs' elements of that index only.</summary>
internal sealed class ElementwiseCase : KernelCase
{
    private readonly ElementwiseOperation _operation;
    private readonly DType _dtype;
    private readonly DeviceSpan[] _inputs;
    private readonly DeviceSpan _destination;

    public ElementwiseCase(
        TensorSet tensors, long elements, int inputs, DType source, DType destination, ElementwiseOperation operation)
        : base(tensors, elements)
    {
        _operation = operation;
        _dtype = source;
        _inputs = [.. Enumerable.Range(0, inputs).Select(
            input => tensors.Input(InputPattern.Random, input, source, elements))];
        _destination = tensors.Output(destination, elements);
        BytesRead = inputs * _inputs[0].ByteLength;
        BytesWritten = _destination.ByteLength;
    }

    public override void Run() => _operation(Queue, _inputs, 0, _destination);

    private protected override string Compare(DeviceQueue reference)
    {
        IReadOnlyList<Part> parts = Part.ToVerify(Elements);
        foreach (Part part in parts)
        {
            using var tensors = new TensorSet(reference);
            DeviceSpan[] inputs = [.. Enumerable.Range(0, _inputs.Length).Select(
                input => tensors.Input(InputPattern.Random, input, _dtype, part, Elements))];
            DeviceSpan destination = tensors.Output(_destination.DType, part.Length);
            _operation(reference, inputs, part.Start, destination);
            CheckSame(
                Tensors.Read(_destination.Slice(part.Start, part.Length)),
                tensors.Read(destination),
                _destination.DType.Size(),
                part.Start);
        }

        return Compared(parts);
    }
}
