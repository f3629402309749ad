using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>Groups the rows of experts' matrices and merges the groups.</summary>
internal sealed class ClusterChannelsCase : KernelCase
{
    private readonly MatrixShape _shape;
    private readonly ChannelClustering _clustering;
    private readonly DeviceSpan[] _models;
    private readonly Results _results;

    public ClusterChannelsCase(TensorSet tensors, MatrixShape shape, int experts, int groups)
        : base(tensors, shape.Elements)
    {
        _shape = shape;
        _clustering = new ChannelClustering(groups);
        _models = Models(tensors, experts, new Part(0, shape.Channels));
        _results = new Results(tensors, experts, groups, shape.Channels, shape.Columns);
        BytesRead = _models.Sum(model => model.ByteLength);
        BytesWritten = _results.Bank.ByteLength + _results.Groups.ByteLength + _results.Energies.ByteLength;
    }

    public override void Run() => Run(Queue, _models, _shape.Channels, _results);

    private protected override string Compare(DeviceQueue reference)
    {
        int experts = _models.Length - 1;
        IReadOnlyList<Part> parts = Part.RowsToVerify(_shape.Channels, _shape.Columns);
        foreach (Part part in parts)
        {
            using var tensors = new TensorSet(reference);
            var expected = new Results(tensors, experts, _clustering.Groups, part.Length, _shape.Columns);
            Run(reference, Models(tensors, experts, part), part.Length, expected);
            CheckColumns(_results.Groups, expected.Groups, experts, 1, part, tensors);
            CheckColumns(_results.Bank, expected.Bank, _clustering.Groups, _shape.Columns, part, tensors);
            CheckColumns(_results.Energies, expected.Energies, 1, 2, part, tensors);
        }

        return Compared(parts);
    }

    private void Run(DeviceQueue queue, DeviceSpan[] models, long channels, Results results) => queue.ClusterChannels(
        models[0], models.AsSpan(1), channels, _clustering, results.Bank, results.Groups, results.Energies);

    private DeviceSpan[] Models(TensorSet tensors, int experts, Part channels) =>
    [
        .. Enumerable.Range(0, 1 + experts).Select(model => tensors.Input(
            InputPattern.Random,
            model,
            DType.BFloat16,
            new Part(channels.Start * _shape.Columns, channels.Length * _shape.Columns),
            _shape.Elements)),
    ];

    // A result has a few layers, and in each some elements for every channel.
    private void CheckColumns(
        DeviceSpan actual, DeviceSpan expected, int layers, long perChannel, Part channels, TensorSet tensors)
    {
        long length = channels.Length * perChannel;
        for (int layer = 0; layer < layers; layer++)
        {
            long first = ((layer * _shape.Channels) + channels.Start) * perChannel;
            CheckSame(
                Tensors.Read(actual.Slice(first, length)),
                tensors.Read(expected.Slice(layer * length, length)),
                actual.DType.Size(),
                first);
        }
    }

    private sealed class Results(TensorSet tensors, int experts, int groups, long channels, long columns)
    {
        public DeviceSpan Bank { get; } = tensors.Output(DType.BFloat16, groups * channels * columns);

        public DeviceSpan Groups { get; } = tensors.Output(DType.UInt8, experts * channels);

        public DeviceSpan Energies { get; } = tensors.Output(DType.Float64, 2 * channels);
    }
}
