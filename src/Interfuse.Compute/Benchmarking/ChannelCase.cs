using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>Calls an operation on the channels of experts' matrices.</summary>
/// <param name="queue">The queue to call it on.</param>
/// <param name="tensors">What it reads and writes.</param>
internal delegate void ChannelOperation(DeviceQueue queue, ChannelTensors tensors);

/// <summary>Matrices of a base and its experts, or some channels of them, and what is made of them.</summary>
/// <param name="Channels">Their rows.</param>
/// <param name="Base">The base's matrix.</param>
/// <param name="Experts">The experts'.</param>
/// <param name="Table">The row of a bank for each expert's row, [N, m] of Int32; null where nobody gives groups.</param>
/// <param name="Results">The operation's results, in the order of its <see cref="ChannelResult"/>s.</param>
internal sealed record ChannelTensors(
    long Channels, DeviceSpan Base, DeviceSpan[] Experts, DeviceSpan? Table, DeviceSpan[] Results);

/// <summary>A result that has elements for every channel, in some layers of [channels, perChannel].</summary>
/// <param name="DType">Its type.</param>
/// <param name="Layers">How many layers: a bank has one per group.</param>
/// <param name="PerChannel">Elements for a channel in each.</param>
internal readonly record struct ChannelResult(DType DType, int Layers, long PerChannel);

/// <summary>An operation on experts' matrices whose results for a channel depend on that channel only.</summary>
internal sealed class ChannelCase : KernelCase
{
    private readonly MatrixShape _shape;
    private readonly int _experts;
    private readonly int _givenGroups;
    private readonly ChannelResult[] _results;
    private readonly ChannelOperation _operation;
    private readonly ChannelTensors _whole;

    /// <param name="tensors">Makes the tensors.</param>
    /// <param name="shape">The matrix of each model.</param>
    /// <param name="experts">How many experts.</param>
    /// <param name="givenGroups">How many groups a table puts the experts of a channel in; 0 for no table.</param>
    /// <param name="results">What the operation writes.</param>
    /// <param name="operation">The operation.</param>
    public ChannelCase(
        TensorSet tensors,
        MatrixShape shape,
        int experts,
        int givenGroups,
        ChannelResult[] results,
        ChannelOperation operation)
        : base(tensors, shape.Elements)
    {
        _shape = shape;
        _experts = experts;
        _givenGroups = givenGroups;
        _results = results;
        _operation = operation;
        _whole = Make(tensors, new Part(0, shape.Channels));
        BytesRead = _whole.Base.ByteLength + _whole.Experts.Sum(expert => expert.ByteLength)
            + (_whole.Table?.ByteLength ?? 0);
        BytesWritten = _whole.Results.Sum(result => result.ByteLength);
    }

    public override void Run() => _operation(Queue, _whole);

    private protected override string Compare(DeviceQueue reference)
    {
        IReadOnlyList<Part> parts = Part.RowsToVerify(_shape.Channels, _shape.Columns);
        foreach (Part part in parts)
        {
            using var tensors = new TensorSet(reference);
            ChannelTensors expected = Make(tensors, part);
            _operation(reference, expected);
            for (int result = 0; result < _results.Length; result++)
            {
                CheckResult(_results[result], _whole.Results[result], tensors.Read(expected.Results[result]), part);
            }
        }

        return Compared(parts);
    }

    private ChannelTensors Make(TensorSet tensors, Part channels)
    {
        var elements = new Part(channels.Start * _shape.Columns, channels.Length * _shape.Columns);
        DeviceSpan Model(int model) =>
            tensors.Input(InputPattern.Random, model, DType.BFloat16, elements, _shape.Elements);
        return new ChannelTensors(
            channels.Length,
            Model(0),
            [.. Enumerable.Range(1, _experts).Select(Model)],
            _givenGroups == 0 ? null : tensors.Input(DType.Int32, MemoryMarshal.AsBytes<int>(TableOf(channels))),
            [.. _results.Select(result =>
                tensors.Output(result.DType, result.Layers * channels.Length * result.PerChannel))]);
    }

    // The experts take turns, so that groups are of other experts in the next channel.
    private int[] TableOf(Part channels)
    {
        int[] table = new int[_experts * channels.Length];
        for (int expert = 0; expert < _experts; expert++)
        {
            for (long channel = 0; channel < channels.Length; channel++)
            {
                long group = (expert + channels.Start + channel) % _givenGroups;
                table[(expert * channels.Length) + channel] = checked((int)((group * channels.Length) + channel));
            }
        }

        return table;
    }

    private void CheckResult(ChannelResult result, DeviceSpan actual, ReadOnlySpan<byte> expected, Part channels)
    {
        int size = result.DType.Size();
        long length = channels.Length * result.PerChannel;
        for (int layer = 0; layer < result.Layers; layer++)
        {
            long first = ((layer * _shape.Channels) + channels.Start) * result.PerChannel;
            int bytes = checked((int)length * size);
            CheckSame(
                Tensors.Read(actual.Slice(first, length)), expected.Slice(layer * bytes, bytes), size, first);
        }
    }
}
