using System.Runtime.InteropServices;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    private long[] _places = [];

    protected override void GatherCore(in GroupedBank bank, int expert, long firstRow, DeviceSpan destination) =>
        Run(
            new GatherWork(bank, null, (expert * bank.Channels) + firstRow, destination),
            checked((int)(destination.Length / bank.Columns)));

    protected override void GatherBatchCore(
        in GroupedBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination)
    {
        Reserve(ref _places, requests.Length);
        for (int request = 0; request < requests.Length; request++)
        {
            _places[request] = (requests[request].Expert * bank.Channels) + requests[request].Row;
        }

        Run(new GatherWork(bank, _places, 0, destination), requests.Length);
    }

    // The row of the bank that a place of its index names.
    private static Span<byte> BankRow(in GroupedBank bank, long place)
    {
        int row = MemoryMarshal.Read<int>(Bytes(bank.Index, place, 1));
        return Bytes(bank.Rows.Slice(row * bank.Columns, bank.Columns), 0, checked((int)bank.Columns));
    }

    // Rows that follow one another in the index from a first one on, or those at the places given.
    private readonly struct GatherWork(GroupedBank bank, long[]? places, long first, DeviceSpan destination) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long place = places is null ? first + part : places[part];
            BankRow(bank, place).CopyTo(Bytes(destination, part * bank.Columns, checked((int)bank.Columns)));
        }
    }
}
