using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>
/// A token each of some sequences attends to all positions before it: 4 query heads to each of 8 key-value heads of 128
/// elements, or to one short head where the elements do not suffice for those.
/// </summary>
internal sealed class AttentionCase : KernelCase
{
    private const int Group = 4;
    private const int Heads = 8;
    private const int HeadLength = 128;

    private readonly int _sequences;
    private readonly int _heads = 1;
    private readonly int _headLength = 1;
    private readonly int _positions;
    private readonly (KeyValuePages Pages, TokenPlaces Places, DeviceSpan Queries, DeviceSpan Result) _inputs;

    /// <summary>A case with about as many elements of keys.</summary>
    public AttentionCase(TensorSet tensors, long elements, int sequences)
        : base(tensors, elements)
    {
        _sequences = (int)Math.Min(sequences, elements);
        if (elements >= 16L * _sequences * Heads * HeadLength)
        {
            (_heads, _headLength) = (Heads, HeadLength);
        }

        _positions = checked((int)(elements / ((long)_sequences * _heads * _headLength)));
        _inputs = Inputs(tensors);
        long keys = (long)_sequences * _positions * _heads * _headLength;
        BytesRead = (2 * keys * sizeof(float)) + _inputs.Queries.ByteLength;
        BytesWritten = _inputs.Result.ByteLength;
    }

    public override void Run() => Attend(Queue, _inputs);

    private protected override string Compare(DeviceQueue reference)
    {
        using var tensors = new TensorSet(reference);
        (KeyValuePages Pages, TokenPlaces Places, DeviceSpan Queries, DeviceSpan Result) inputs = Inputs(tensors);
        Attend(reference, inputs);
        CheckSame(Tensors.Read(_inputs.Result), tensors.Read(inputs.Result), sizeof(float), 0);
        return "whole";
    }

    private void Attend(
        DeviceQueue queue, (KeyValuePages Pages, TokenPlaces Places, DeviceSpan Queries, DeviceSpan Result) inputs) =>
        queue.Attention(
            inputs.Pages, inputs.Places, inputs.Queries, 1f / MathF.Sqrt(_headLength), int.MaxValue, inputs.Result);

    private (KeyValuePages Pages, TokenPlaces Places, DeviceSpan Queries, DeviceSpan Result) Inputs(TensorSet tensors)
    {
        int perSequence = ((_positions - 1) / KeyValuePages.Length) + 1;
        int pages = _sequences * perSequence;
        DeviceSpan memory = tensors.Input(
            InputPattern.Random, 0, DType.Float32, pages * KeyValuePages.ElementsPerPage(_heads, _headLength));
        long queries = (long)_sequences * _heads * Group * _headLength;
        var places = new TokenPlaces(
            Words(tensors, Enumerable.Range(0, _sequences)),
            Words(tensors, Enumerable.Repeat(_positions - 1, _sequences)),
            Words(tensors, Enumerable.Range(0, pages).Reverse()),
            _sequences);
        return (
            new KeyValuePages(memory, _heads, _headLength),
            places,
            tensors.Input(InputPattern.Random, 1, DType.Float32, queries),
            tensors.Output(DType.Float32, queries));
    }

    private static DeviceSpan Words(TensorSet tensors, IEnumerable<int> words) =>
        tensors.Input(DType.Int32, MemoryMarshal.AsBytes<int>(words.ToArray()));
}
