using Interfuse.Checkpoints;
using Interfuse.Merging.Planning;

namespace Interfuse.Merging.Execution;

/// <summary>Asks the system to bring the next tensors' bytes into its cache while the present ones are computed.</summary>
internal sealed class ReadAhead : IDisposable
{
    // Far enough to cover a slow disk's hesitations; the bytes are in the system's cache, not in this process.
    private const long WindowBytes = 256 << 20;
    private const long PieceBytes = 8 << 20;

    private readonly IReadOnlyList<IReadOnlyList<TensorSource>> _tensors;
    private readonly SemaphoreSlim _moved = new(0);
    private readonly Thread _thread;
    private int _opened;
    private bool _stopped;

    /// <summary>Begins.</summary>
    /// <param name="tensors">The inputs of each tensor, in the order in which they will be worked on.</param>
    public ReadAhead(IReadOnlyList<IReadOnlyList<TensorSource>> tensors)
    {
        _tensors = tensors;
        _thread = new Thread(Run) { Name = "interfuse read-ahead", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Says that work on a tensor has begun.</summary>
    /// <param name="tensor">Its place in the list.</param>
    public void Opened(int tensor)
    {
        Volatile.Write(ref _opened, tensor);
        _moved.Release();
    }

    public void Dispose()
    {
        Volatile.Write(ref _stopped, true);
        _moved.Release();
        _thread.Join();
        _moved.Dispose();
    }

    private void Run()
    {
        long ahead = 0;
        int behind = 0;
        for (int next = 0; next < _tensors.Count; next++)
        {
            while (ahead > WindowBytes && !Volatile.Read(ref _stopped))
            {
                _moved.Wait();
                for (int opened = Volatile.Read(ref _opened); behind < opened; behind++)
                {
                    ahead -= Bytes(_tensors[behind]);
                }
            }

            if (Volatile.Read(ref _stopped))
            {
                return;
            }

            Advise(_tensors[next]);
            ahead += Bytes(_tensors[next]);
        }
    }

    private static long Bytes(IReadOnlyList<TensorSource> inputs) => inputs.Sum(input => input.Tensor.Info.ByteLength);

    private void Advise(IReadOnlyList<TensorSource> inputs)
    {
        // The inputs are read side by side, so they are asked for side by side.
        long longest = inputs.Max(input => input.Tensor.Info.ByteLength);
        for (long piece = 0; piece < longest && !Volatile.Read(ref _stopped); piece += PieceBytes)
        {
            foreach (TensorSource input in inputs)
            {
                TensorInfo info = input.Tensor.Info;
                if (piece < info.ByteLength)
                {
                    FileAdvice.WillNeed(input.Tensor.File.Handle, info.Offset + piece, Math.Min(PieceBytes, info.ByteLength - piece));
                }
            }
        }
    }
}
