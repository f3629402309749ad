using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Merging.Planning;

namespace Interfuse.Experts.Encoders;

// How models' values come onto the device: straight into its memory where the host reaches that, else through the host's.
internal sealed partial class MatrixBench
{
    // What is read at a time; a whole number of elements of any type.
    private const int StagingBytes = 16 << 20;

    // What a thread reads at least.
    private const int ShareLength = 1 << 18;

    private byte[] _staging = [];

    private void Read(TensorSource source, long firstElement, DeviceSpan destination)
    {
        int size = source.DType.Size();
        int step = StagingBytes / size;
        for (long done = 0; done < destination.Length; done += step)
        {
            _cancellation.ThrowIfCancellationRequested();
            DeviceSpan piece = destination.Slice(done, Math.Min(step, destination.Length - done));
            bool isReached = Queue.TryReach(piece, out _);
            if (!isReached && _staging.Length == 0)
            {
                _staging = GC.AllocateUninitializedArray<byte>(StagingBytes);
            }

            ReadAll(source, firstElement + done, (int)piece.Length, (start, length) =>
                Queue.TryReach(piece.Slice(start, length), out Span<byte> bytes)
                    ? bytes
                    : _staging.AsSpan(start * size, length * size));
            if (!isReached)
            {
                Queue.Upload(_staging.AsSpan(0, (int)piece.ByteLength), piece);
            }

            _progress.Read(piece.ByteLength);
        }
    }

    // On several threads: one alone does not read as fast as memory or a disk can give.
    private void ReadAll(TensorSource source, long firstElement, int length, Room room)
    {
        int share = Math.Max((length + _plan.Options.Threads - 1) / _plan.Options.Threads, ShareLength);
        Parallels.Run(
            Enumerable.Range(0, (length + share - 1) / share),
            part =>
            {
                int start = part * share;
                source.Read(firstElement + start, room(start, Math.Min(share, length - start)));
            },
            _cancellation);
    }

    // Where some of a piece's elements go.
    private delegate Span<byte> Room(int start, int length);
}
