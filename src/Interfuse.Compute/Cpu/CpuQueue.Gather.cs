namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    private ExpertRow[] _requests = [];

    protected override void GatherCore(in GroupedBank bank, int expert, long firstRow, DeviceSpan destination) =>
        Gather(new GroupedRows(bank), expert, firstRow, destination);

    protected override void GatherBatchCore(
        in GroupedBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination) =>
        GatherBatch(new GroupedRows(bank), requests, destination);

    private void Gather<TRows>(TRows bank, int expert, long firstRow, DeviceSpan destination)
        where TRows : struct, IBankRows =>
        Run(
            new GatherWork<TRows>(bank, null, new ExpertRow(expert, firstRow), destination),
            checked((int)(destination.Length / bank.Columns)),
            destination.Length);

    private void GatherBatch<TRows>(TRows bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination)
        where TRows : struct, IBankRows =>
        Run(new GatherWork<TRows>(bank, Keep(requests), default, destination), requests.Length, destination.Length);

    // At least as long as what is kept.
    private ExpertRow[] Keep(ReadOnlySpan<ExpertRow> requests)
    {
        if (_requests.Length < requests.Length)
        {
            _requests = new ExpertRow[requests.Length];
        }

        requests.CopyTo(_requests);
        return _requests;
    }

    // Rows that follow one another from a first one on, or those that are asked for.
    private readonly struct GatherWork<TRows>(TRows bank, ExpertRow[]? requests, ExpertRow first, DeviceSpan destination)
        : IWork
        where TRows : struct, IBankRows
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            ExpertRow row = requests is null ? first with { Row = first.Row + part } : requests[part];
            Span<byte> room = Bytes(destination, part * bank.Columns, checked((int)bank.Columns));
            bank.Copy(workspace, row.Expert, row.Row, room);
        }
    }
}
