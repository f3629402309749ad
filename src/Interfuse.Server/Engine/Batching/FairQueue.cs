using System.Diagnostics.CodeAnalysis;

namespace Interfuse.Server.Engine.Batching;

/// <summary>Requests that wait. Turns alternate, so that a crowd at one expert does not hold up the others.</summary>
/// <remarks>Safe for any number of threads.</remarks>
/// <param name="capacity">The most that may wait.</param>
internal sealed class FairQueue(int capacity)
{
    private readonly Lock _lock = new();

    // The turn that is next at the front; each has one request at least.
    private readonly List<Turn> _turns = [];
    private int _count;

    /// <summary>How many wait.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _count;
            }
        }
    }

    /// <summary>Puts a request at the end of its turn.</summary>
    /// <returns>Whether there was room.</returns>
    public bool TryAdd(LoopRequest request)
    {
        lock (_lock)
        {
            if (_count == capacity)
            {
                return false;
            }

            Turn? turn = _turns.Find(turn => turn.Name == request.Turn);
            if (turn is null)
            {
                turn = new Turn(request.Turn, []);
                _turns.Add(turn);
            }

            turn.Waiting.Enqueue(request);
            _count++;
            return true;
        }
    }

    /// <summary>Takes the request whose turn it is, if it may go on; if not, those behind it wait as well.</summary>
    /// <param name="mayGoOn">Decides.</param>
    /// <param name="request">The request.</param>
    public bool TryTake(Func<LoopRequest, bool> mayGoOn, [NotNullWhen(true)] out LoopRequest? request)
    {
        lock (_lock)
        {
            request = null;
            if (_turns.Count == 0 || !mayGoOn(_turns[0].Waiting.Peek()))
            {
                return false;
            }

            Turn turn = _turns[0];
            _turns.RemoveAt(0);
            request = turn.Waiting.Dequeue();
            _count--;
            if (turn.Waiting.Count > 0)
            {
                _turns.Add(turn);
            }

            return true;
        }
    }

    /// <summary>Takes all requests that a condition holds for.</summary>
    public IReadOnlyList<LoopRequest> TakeAll(Func<LoopRequest, bool> condition)
    {
        lock (_lock)
        {
            List<LoopRequest>? taken = null;
            foreach (Turn turn in _turns)
            {
                for (int left = turn.Waiting.Count; left > 0; left--)
                {
                    LoopRequest request = turn.Waiting.Dequeue();
                    if (condition(request))
                    {
                        (taken ??= []).Add(request);
                    }
                    else
                    {
                        turn.Waiting.Enqueue(request);
                    }
                }
            }

            _count -= taken?.Count ?? 0;
            _turns.RemoveAll(static turn => turn.Waiting.Count == 0);
            return taken ?? (IReadOnlyList<LoopRequest>)[];
        }
    }

    private sealed record Turn(string Name, Queue<LoopRequest> Waiting);
}
