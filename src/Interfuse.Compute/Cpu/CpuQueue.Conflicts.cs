using System.Numerics;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    // Words of a block's bits.
    private const int SignWords = TileGrid.BlockLength / 32;

    protected override void CountConflictsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TopKThreshold> keeps,
        long firstElement,
        Span<long> counts)
    {
        long[] sums = new long[counts.Length];
        RunTiles(
            new ConflictWork(baseValues, experts.ToArray(), keeps.ToArray(), firstElement, sums), baseValues.Length);
        for (int count = 0; count < counts.Length; count++)
        {
            counts[count] += sums[count];
        }
    }

    private readonly struct ConflictWork(
        DeviceSpan baseValues, DeviceSpan[] experts, TopKThreshold[] keeps, long firstElement, long[] sums) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long first = (long)part * TileGrid.TileLength;
            int length = TileLength(part, baseValues.Length);
            Span<int> counts = workspace.Bins(sums.Length);

            // Per expert the words of those above 0, then of those below; and two sets of words to cut ties with.
            Span<uint> words = workspace.Words(1 + (2 * experts.Length * SignWords / CpuWorkspace.RowStride) + 1);
            for (int start = 0; start < length; start += TileGrid.BlockLength)
            {
                int block = Math.Min(length - start, TileGrid.BlockLength);
                int used = (block + 31) / 32;
                for (int expert = 0; expert < experts.Length; expert++)
                {
                    Signs(
                        workspace, expert, first + start, block,
                        words.Slice(2 * expert * SignWords, used), words.Slice(((2 * expert) + 1) * SignWords, used));
                }

                Count(words, used, counts);
            }

            lock (sums)
            {
                for (int count = 0; count < counts.Length; count++)
                {
                    sums[count] += counts[count];
                }
            }
        }

        private void Signs(
            CpuWorkspace workspace, int expert, long start, int length, Span<uint> raised, Span<uint> lowered)
        {
            TopKThreshold keep = keeps[expert];
            long cut = keep.TieEnd - firstElement - start;
            SignsAbove(workspace, expert, start, length, keep.MinimumBits(firstElement + start), raised, lowered);
            if (cut <= 0 || cut >= length)
            {
                return;
            }

            // Ties end within the block: from there on the next bound holds.
            Span<uint> behind = stackalloc uint[2 * SignWords];
            Span<uint> raisedBehind = behind[..raised.Length];
            Span<uint> loweredBehind = behind.Slice(SignWords, lowered.Length);
            SignsAbove(workspace, expert, start, length, keep.MinimumBits(long.MaxValue), raisedBehind, loweredBehind);
            for (int word = 0; word < raised.Length; word++)
            {
                int before = (int)Math.Clamp(cut - (32 * word), 0, 32);
                uint mask = before == 32 ? uint.MaxValue : (1u << before) - 1;
                raised[word] = (raised[word] & mask) | (raisedBehind[word] & ~mask);
                lowered[word] = (lowered[word] & mask) | (loweredBehind[word] & ~mask);
            }
        }

        private void SignsAbove(
            CpuWorkspace workspace, int expert, long start, int length, uint minimumBits, Span<uint> raised,
            Span<uint> lowered)
        {
            if (AreBFloat16(baseValues, experts[expert]))
            {
                workspace.Kernels.SignWords(
                    Bytes(baseValues, start, length), Bytes(experts[expert], start, length), minimumBits, raised, lowered);
                return;
            }

            Rows block = workspace.Widen(baseValues, experts[expert], start, length);
            workspace.Kernels.SignWords(block[0], block[1], minimumBits, raised, lowered);
        }

        private void Count(ReadOnlySpan<uint> words, int used, Span<int> counts)
        {
            int pair = 0;
            for (int s = 1; s < experts.Length; s++)
            {
                for (int t = 0; t < s; t++, pair++)
                {
                    ReadOnlySpan<uint> up = words.Slice(2 * s * SignWords, used);
                    ReadOnlySpan<uint> down = words.Slice(((2 * s) + 1) * SignWords, used);
                    ReadOnlySpan<uint> otherUp = words.Slice(2 * t * SignWords, used);
                    ReadOnlySpan<uint> otherDown = words.Slice(((2 * t) + 1) * SignWords, used);
                    int both = 0;
                    int opposite = 0;
                    for (int word = 0; word < up.Length; word++)
                    {
                        uint apart = (up[word] & otherDown[word]) | (down[word] & otherUp[word]);
                        uint alike = (up[word] & otherUp[word]) | (down[word] & otherDown[word]);
                        both += BitOperations.PopCount(apart | alike);
                        opposite += BitOperations.PopCount(apart);
                    }

                    counts[2 * pair] += both;
                    counts[(2 * pair) + 1] += opposite;
                }
            }

            for (int word = 0; word < used; word++)
            {
                uint raised = 0;
                uint lowered = 0;
                uint contested = 0;
                for (int expert = 0; expert < experts.Length; expert++)
                {
                    uint up = words[(2 * expert * SignWords) + word];
                    uint down = words[(((2 * expert) + 1) * SignWords) + word];
                    contested |= (raised | lowered) & (up | down);
                    raised |= up;
                    lowered |= down;
                }

                counts[^2] += BitOperations.PopCount(contested);
                counts[^1] += BitOperations.PopCount(raised & lowered);
            }
        }
    }
}
