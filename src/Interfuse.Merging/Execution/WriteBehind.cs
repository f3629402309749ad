using System.Collections.Concurrent;
using System.Diagnostics;
using Interfuse.Checkpoints;

namespace Interfuse.Merging.Execution;

/// <summary>Brings finished tensors to the disk while others are computed, then records them in the journal.</summary>
/// <remarks>
/// Without it, the system would keep gigabytes of output in memory until the flush at the end, which then takes as long as the merge.
/// </remarks>
/// <param name="journal">The journal.</param>
/// <param name="bytesOf">The bytes of a tensor, by its index.</param>
/// <param name="flush">Brings all that was written of some tensors to the disk.</param>
/// <param name="failed">Is told of a failure.</param>
internal sealed class WriteBehind(
    Journal journal, Func<int, long> bytesOf, Action<IEnumerable<int>> flush, Action<Exception> failed) : IDisposable
{
    // Often enough to keep the disk busy and lose little in a crash, seldom enough not to flush small models tensor by tensor.
    private const long BatchBytes = 64 << 20;
    private static readonly TimeSpan BatchTime = TimeSpan.FromSeconds(1);

    private readonly BlockingCollection<FinishedTensor> _written = [];
    private Thread? _thread;

    /// <summary>For tensors that are one each in a layout.</summary>
    public WriteBehind(CheckpointWriter writer, CheckpointLayout layout, Journal journal, Action<Exception> failed)
        : this(journal, tensor => layout[tensor].Info.ByteLength, tensors => Flush(writer, layout, tensors), failed)
    {
    }

    public void Start()
    {
        _thread = new Thread(Run) { Name = "interfuse write-behind", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Takes a tensor whose bytes have all been handed to the system.</summary>
    public void Add(FinishedTensor tensor) => _written.Add(tensor);

    /// <summary>Ends the thread; what it had not flushed yet is left to <see cref="CheckpointWriter.Complete"/> or to the next run.</summary>
    public void Dispose()
    {
        _written.CompleteAdding();
        _thread?.Join();
        _written.Dispose();
    }

    private static void Flush(CheckpointWriter writer, CheckpointLayout layout, IEnumerable<int> tensors)
    {
        foreach (int shard in tensors.Select(tensor => layout[tensor].Shard).Distinct())
        {
            writer.FlushShard(shard);
        }
    }

    private void Run()
    {
        try
        {
            var batch = new List<FinishedTensor>();
            while (!_written.IsCompleted)
            {
                long bytes = 0;
                long begin = Stopwatch.GetTimestamp();
                while (bytes < BatchBytes && Stopwatch.GetElapsedTime(begin) < BatchTime && !_written.IsCompleted)
                {
                    if (_written.TryTake(out FinishedTensor tensor, BatchTime))
                    {
                        batch.Add(tensor);
                        bytes += bytesOf(tensor.Index);
                    }
                }

                if (batch.Count > 0 && !_written.IsCompleted)
                {
                    flush(batch.Select(tensor => tensor.Index));
                    journal.Add(batch);
                    batch.Clear();
                }
            }
        }
        catch (Exception error)
        {
            failed(error);
        }
    }
}
