using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

internal sealed partial class ReferenceQueue
{
    protected override void ClusterChannelsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        ChannelClustering clustering,
        DeviceSpan bank,
        DeviceSpan groups,
        DeviceSpan energies)
    {
        for (int channel = 0; channel < channels; channel++)
        {
            (float[] origin, float[][] rows) = ChannelRows(baseValues, experts, channels, channel);
            double[] gram = Gram(origin, rows);
            byte[] assignment = new byte[rows.Length];
            ChannelPartition.Best(gram, rows.Length, clustering.Groups, clustering.Similarity, assignment);
            for (int expert = 0; expert < rows.Length; expert++)
            {
                ReferenceDevice.BytesOf(groups)[(expert * (int)channels) + channel] = assignment[expert];
            }

            Span<double> energy = MemoryMarshal.Cast<byte, double>(ReferenceDevice.BytesOf(energies))[(2 * channel)..];
            (energy[0], energy[1]) = Energies(gram, rows.Length, clustering.Groups, assignment);
            for (int group = 0; group < clustering.Groups; group++)
            {
                float[][] members = [.. rows.Where((_, expert) => assignment[expert] == group)];
                long row = (group * channels) + channel;
                Store(Merged(origin, members, clustering.Lambda), Row(bank, row, origin.Length));
            }
        }
    }

    protected override void GatherCore(in GroupedBank bank, int expert, long firstRow, DeviceSpan destination)
    {
        for (long row = 0; row < destination.Length / bank.Columns; row++)
        {
            CopyRow(bank, expert, firstRow + row, row, destination);
        }
    }

    protected override void GatherBatchCore(
        in GroupedBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination)
    {
        for (int request = 0; request < requests.Length; request++)
        {
            CopyRow(bank, requests[request].Expert, requests[request].Row, request, destination);
        }
    }

    protected override void GatherMultiplyCore(
        in GroupedBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y)
    {
        for (int b = 0; b < experts.Length; b++)
        {
            float[] vector = Widened(x.Slice(b * bank.Columns, bank.Columns));
            for (long channel = 0; channel < bank.Channels; channel++)
            {
                float[] row = Widened(BankRow(bank, experts[b], channel));
                float sum = LaneDot(row, vector);
                DeviceSpan place = y.Slice((b * bank.Channels) + channel, 1);
                StoredFloat.Write(sum, DType.Float32, ReferenceDevice.BytesOf(place));
            }
        }
    }

    // 256 lanes, halves folded onto halves.
    private static float LaneDot(float[] a, float[] b)
    {
        float[] lanes = new float[256];
        for (int j = 0; j < a.Length; j++)
        {
            lanes[j % 256] = MathF.FusedMultiplyAdd(a[j], b[j], lanes[j % 256]);
        }

        return Folded(lanes);
    }

    private static float Folded(float[] lanes)
    {
        for (int half = lanes.Length / 2; half > 0; half /= 2)
        {
            lanes = [.. lanes[..half].Zip(lanes[half..], (low, high) => low + high)];
        }

        return lanes[0];
    }

    private static DeviceSpan BankRow(in GroupedBank bank, int expert, long row)
    {
        Span<int> index = MemoryMarshal.Cast<byte, int>(ReferenceDevice.BytesOf(bank.Index));
        return bank.Rows.Slice(index[(int)((expert * bank.Channels) + row)] * bank.Columns, bank.Columns);
    }

    private static void CopyRow(in GroupedBank bank, int expert, long row, long request, DeviceSpan destination) =>
        ReferenceDevice.BytesOf(BankRow(bank, expert, row))
            .CopyTo(ReferenceDevice.BytesOf(destination.Slice(request * bank.Columns, bank.Columns)));

    private static (double Total, double Lost) Energies(double[] gram, int experts, int groups, byte[] assignment)
    {
        double Own(int e) => gram[(e * experts) + e];
        double total = 0;
        for (int expert = 0; expert < experts; expert++)
        {
            total += Own(expert);
        }

        double lost = 0;
        for (int group = 0; group < groups; group++)
        {
            int[] members = [.. Enumerable.Range(0, experts).Where(e => assignment[e] == group)];
            double energy = 0;
            double sum = 0;
            foreach (int e in members)
            {
                energy += Own(e);
                double shared = 0;
                foreach (int f in members.Where(f => f < e))
                {
                    shared += gram[(e * experts) + f];
                }

                sum = sum + (shared + shared) + Own(e);
            }

            lost += members.Length > 1 ? energy - (sum / members.Length) : 0;
        }

        return (Canonical(total), lost < 0 ? 0 : Canonical(lost));
    }
}
