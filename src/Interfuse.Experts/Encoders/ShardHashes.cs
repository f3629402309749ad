using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using Interfuse.Checkpoints;
using Microsoft.Win32.SafeHandles;

namespace Interfuse.Experts.Encoders;

/// <summary>
/// Hashes the files with a pack's tensors on a thread of its own while they are written: each from its beginning on, as
/// far as all tensors there are complete. What an interrupted run had written is hashed like the rest.
/// </summary>
internal sealed class ShardHashes : IDisposable
{
    private readonly PackLayout _layout;
    private readonly Followed[] _files;
    private readonly BlockingCollection<int> _complete = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private Exception? _failure;

    /// <summary>Starts the thread.</summary>
    /// <param name="directory">Where the files are, or will be before any tensor is complete.</param>
    /// <param name="layout">The files.</param>
    public ShardHashes(string directory, PackLayout layout)
    {
        _layout = layout;
        _files = [.. layout.Banks.Shards.Concat(layout.Parts?.Shards ?? []).Select(shard => new Followed(directory, shard))];
        _thread = new Thread(Run) { Name = "interfuse hashing", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Says that all of a tensor is written, but for parts that <see cref="StoredPart.IsLast"/>.</summary>
    public void Add(int tensor) => _complete.Add(tensor);

    /// <summary>Hashes what is left, now that everything is written.</summary>
    /// <param name="cancellation">Stops.</param>
    public IEnumerable<PackFileEntry> Complete(CancellationToken cancellation)
    {
        Stop();
        if (_failure is not null)
        {
            ExceptionDispatchInfo.Throw(_failure);
        }

        Parallels.Run(_files, file => file.Advance(file.Length, cancellation), cancellation);
        return _files.Select(file => file.Finish());
    }

    /// <summary>Ends the thread and closes the files.</summary>
    public void Dispose()
    {
        Stop();
        Array.ForEach(_files, file => file.Dispose());
        _complete.Dispose();
        _stop.Dispose();
    }

    private void Stop()
    {
        _stop.Cancel();
        _complete.CompleteAdding();
        _thread.Join();
    }

    private void Run()
    {
        try
        {
            foreach (int tensor in _complete.GetConsumingEnumerable(_stop.Token))
            {
                StoredTensor stored = _layout.Tensors[tensor];
                Followed[] touched =
                [
                    .. stored.Parts.Where(part => !part.IsLast)
                        .Select(part => _layout.Parts![_layout.PlaceOf(tensor, part.Name)])
                        .Select(place => Complete(_layout.Banks.Shards.Count + place.Shard, place.Info)),
                    Complete(_layout.Banks[tensor].Shard, _layout.Banks[tensor].Info),
                ];
                foreach (Followed file in touched.Distinct())
                {
                    file.Advance(file.CompleteBytes(), _stop.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // What is left is hashed by whoever wants to know, if anybody does.
        }
        catch (Exception error)
        {
            _failure = error;
        }
    }

    private Followed Complete(int file, TensorInfo tensor)
    {
        _files[file].Add(tensor);
        return _files[file];
    }

    /// <summary>A file and how far it is hashed.</summary>
    private sealed class Followed(string directory, CheckpointLayout.Shard shard) : IDisposable
    {
        private const int BufferBytes = 1 << 20;

        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private readonly HashSet<string> _complete = [];
        private int _next;
        private long _position;
        private SafeFileHandle? _file;
        private byte[] _buffer = [];

        public long Length => shard.Length;

        public void Add(TensorInfo tensor) => _complete.Add(tensor.Name);

        /// <summary>Where the first tensor begins that is not complete.</summary>
        public long CompleteBytes()
        {
            while (_next < shard.Tensors.Count
                && (_complete.Contains(shard.Tensors[_next].Name) || shard.Tensors[_next].ByteLength == 0))
            {
                _next++;
            }

            return _next == shard.Tensors.Count ? shard.Length : shard.Tensors[_next].Offset;
        }

        /// <summary>Hashes up to an end.</summary>
        public void Advance(long end, CancellationToken cancellation)
        {
            if (_file is null)
            {
                _file = File.OpenHandle(
                    Path.Combine(directory, shard.FileName), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                _buffer = GC.AllocateUninitializedArray<byte>(BufferBytes);
            }

            while (_position < end)
            {
                cancellation.ThrowIfCancellationRequested();
                int length = RandomAccess.Read(
                    _file, _buffer.AsSpan(0, (int)Math.Min(BufferBytes, end - _position)), _position);
                if (length == 0)
                {
                    throw new CheckpointFormatException(
                        Path.Combine(directory, shard.FileName), "was cut short while it was written: another program changed it");
                }

                _hash.AppendData(_buffer.AsSpan(0, length));
                _position += length;
            }
        }

        public PackFileEntry Finish() =>
            new(shard.FileName, shard.Length, Convert.ToHexStringLower(_hash.GetHashAndReset()));

        public void Dispose()
        {
            _file?.Dispose();
            _hash.Dispose();
        }
    }
}
