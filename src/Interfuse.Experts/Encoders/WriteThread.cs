using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Interfuse.Experts.Encoders;

/// <summary>
/// Does the writing of one thread on another, in the order it is handed over, so that the next values are computed
/// meanwhile.
/// </summary>
/// <remarks>For one caller. After a failure nothing more is done, and the caller learns of it with its next call.</remarks>
internal sealed class WriteThread : IDisposable
{
    /// <summary>The bytes of one piece, at most.</summary>
    public const int PieceBytes = 2 << 20;

    /// <summary>What it holds: pieces that wait, one that is written and one that is filled.</summary>
    public const int MostBytes = (MostWaiting + 2) * PieceBytes;

    private const int MostWaiting = 6;

    private readonly BlockingCollection<(byte[] Piece, Action Work)> _waiting = new(MostWaiting);
    private readonly Thread _thread;
    private Exception? _failure;
    private volatile bool _stopped;

    /// <summary>Starts the thread.</summary>
    public WriteThread()
    {
        _thread = new Thread(Run) { Name = "interfuse writing", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Gives room for a piece, which goes back by <see cref="Add"/>.</summary>
    /// <param name="length">At most <see cref="PieceBytes"/>; the array may be longer.</param>
    public static byte[] Rent(int length) => ArrayPool<byte>.Shared.Rent(length);

    /// <summary>Has something done after all that was handed over before; waits while too much is.</summary>
    /// <param name="piece">What <see cref="Rent"/> gave, which is given back then; or nothing.</param>
    /// <param name="work">What to do.</param>
    public void Add(byte[] piece, Action work)
    {
        Check();
        _waiting.Add((piece, work));
    }

    /// <summary>Waits until everything is done; nothing can be added afterwards.</summary>
    public void Complete()
    {
        _waiting.CompleteAdding();
        _thread.Join();
        Check();
    }

    /// <summary>Ends the thread; what still waits is not done.</summary>
    public void Dispose()
    {
        _stopped = true;
        _waiting.CompleteAdding();
        _thread.Join();
        _waiting.Dispose();
    }

    private void Check()
    {
        if (Volatile.Read(ref _failure) is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    private void Run()
    {
        foreach ((byte[] piece, Action work) in _waiting.GetConsumingEnumerable())
        {
            try
            {
                if (!_stopped && _failure is null)
                {
                    work();
                }
            }
            catch (Exception error)
            {
                Volatile.Write(ref _failure, error);
            }

            if (piece.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(piece);
            }
        }
    }
}
