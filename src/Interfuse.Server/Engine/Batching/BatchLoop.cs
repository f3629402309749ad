using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Generation;
using Interfuse.Inference.Models;
using Interfuse.Inference.Tokenization;
using Microsoft.Extensions.Logging;

namespace Interfuse.Server.Engine.Batching;

/// <summary>
/// The thread of a loaded model. Step by step it ends what nobody waits for, lets waiting requests in, and gives every
/// answer in the batch one more token, whichever expert it is of.
/// </summary>
internal sealed partial class BatchLoop : IDisposable
{
    private readonly string _model;
    private readonly Decoder _decoder;
    private readonly PackRouter? _router;
    private readonly InterfuseOptions _options;
    private readonly EngineMeters _meters;
    private readonly ILogger _logger;
    private readonly AnswerBatch _batch;
    private readonly FairQueue _queue;
    private readonly List<Running> _running = [];
    private readonly List<LoopRequest> _toRoute = [];
    private readonly Func<LoopRequest, bool> _fits;
    private readonly AutoResetEvent _wake = new(initialState: false);
    private readonly Thread _thread;
    private volatile EngineException? _abort;
    private volatile bool _isStopping;
    private long _cacheBytes;

    /// <param name="model">The model's name.</param>
    /// <param name="decoder">The model; only this thread uses it from now on.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="router">Its router, if it has one.</param>
    /// <param name="options">The bounds.</param>
    /// <param name="meters">Where steps and requests are counted.</param>
    /// <param name="logger">Is told what goes wrong.</param>
    public BatchLoop(
        string model,
        Decoder decoder,
        Tokenizer tokenizer,
        PackRouter? router,
        InterfuseOptions options,
        EngineMeters meters,
        ILogger logger)
    {
        _model = model;
        _decoder = decoder;
        _router = router;
        _options = options;
        _meters = meters;
        _logger = logger;
        _batch = new AnswerBatch(decoder, tokenizer);
        _queue = new FairQueue(options.MaxQueue);
        _fits = Fits;
        _thread = new Thread(Run) { IsBackground = true, Name = $"batch {model}" };
        _thread.Start();
    }

    /// <summary>How many requests wait.</summary>
    public int Waiting => _queue.Count;

    /// <summary>How many answers are in the making.</summary>
    public int Active => _batch.Count;

    /// <summary>The bytes of keys and values that running answers may need.</summary>
    public long CacheBytes => Interlocked.Read(ref _cacheBytes);

    /// <summary>The most bytes of keys and values that an answer may need.</summary>
    public long CacheBytesOf(GenerationRequest request) => _decoder.CacheBytes(
        (int)Math.Min((long)request.Prompt.Length + request.MaxTokens, _decoder.Config.ContextLength));

    /// <summary>Takes a request.</summary>
    /// <exception cref="EngineException">Too many wait, or everything is being ended.</exception>
    public void Submit(LoopRequest request)
    {
        if (_abort is { } fault)
        {
            throw fault;
        }

        if (!_queue.TryAdd(request))
        {
            throw EngineErrors.Busy(_options.MaxQueue);
        }

        _wake.Set();
    }

    /// <summary>Ends all requests, and those to come.</summary>
    public void Abort(EngineException fault)
    {
        _abort = fault;
        _wake.Set();
    }

    /// <summary>Ends the thread. No request may be left.</summary>
    public void Dispose()
    {
        _isStopping = true;
        _wake.Set();
        _thread.Join();
        _batch.Dispose();
        _wake.Dispose();
    }

    private void Run()
    {
        while (!_isStopping)
        {
            EndThoseInVain();
            Admit();
            if (_running.Count > 0)
            {
                Advance();
            }
            else if (_queue.Count == 0)
            {
                _wake.WaitOne();
            }
        }
    }

    private void EndThoseInVain()
    {
        foreach (LoopRequest request in _queue.TakeAll(IsInVain))
        {
            End(request);
        }

        for (int i = _running.Count - 1; i >= 0; i--)
        {
            if (IsInVain(_running[i].Request))
            {
                _batch.Remove(_running[i].Answer);
                End(_running[i].Request);
                Leave(i);
            }
        }
    }

    private bool IsInVain(LoopRequest request) => _abort is not null || request.IsTakenBack || request.Time.IsOver;

    private void End(LoopRequest request)
    {
        EngineException? fault = request.IsTakenBack ? null : _abort ?? EngineErrors.Late();
        Count(request, fault is null ? "cancelled" : _abort is null ? "deadline" : "aborted");
        request.Fail((Exception?)fault ?? new OperationCanceledException());
    }

    // Lets in whoever may, in the order of their turns, until so much of prompts is to be routed that it makes a step.
    private void Admit()
    {
        int tokens = 0;
        while (tokens < _options.PromptTokensPerStep && _queue.TryTake(_fits, out LoopRequest? request))
        {
            if (request.RoutedTokens.IsEmpty)
            {
                Begin((AnswerRequest)request);
                continue;
            }

            _toRoute.Add(request);
            if (request is AnswerRequest answer)
            {
                Interlocked.Add(ref _cacheBytes, CacheBytesOf(answer.Generation));
            }

            tokens += Math.Min(request.RoutedTokens.Length, _router!.Features.MaxTokens);
        }

        if (_toRoute.Count > 0)
        {
            Route();
        }
    }

    private bool Fits(LoopRequest request) =>
        _running.Count + _toRoute.Count < _options.MaxBatch
        && (request is not AnswerRequest answer
            || _cacheBytes + CacheBytesOf(answer.Generation) <= _options.CacheBytes);

    private void Route()
    {
        IReadOnlyList<float[]>? all = null;
        try
        {
            all = _decoder.Features(
                [.. _toRoute.Select(request => request.RoutedTokens)], ExpertMix.Shared, _router!.Features.Depth,
                _router.Features.MaxTokens);
        }
        catch (Exception fault) when (IsOfRequest(fault))
        {
            LogFailed(_model, fault);
        }

        for (int i = 0; i < _toRoute.Count; i++)
        {
            if (_toRoute[i] is AnswerRequest answer)
            {
                // Begin counts them again.
                Interlocked.Add(ref _cacheBytes, -CacheBytesOf(answer.Generation));
            }

            if (all is null)
            {
                Fail(_toRoute[i], EngineErrors.Failed());
            }
            else
            {
                Go(_toRoute[i], all[i]);
            }
        }

        _toRoute.Clear();
    }

    private void Go(LoopRequest request, float[] features)
    {
        if (request is FeatureRequest asked)
        {
            asked.Answer(features);
            return;
        }

        var answer = (AnswerRequest)request;
        try
        {
            RouteScores scores = _router!.Score(features);
            answer.Route(scores, _router.Marks);
            _meters.Routed(_model, scores);
        }
        catch (Exception fault) when (IsOfRequest(fault))
        {
            LogFailed(_model, fault);
            Fail(answer, EngineErrors.Failed());
            return;
        }

        Begin(answer);
    }

    private void Begin(AnswerRequest request)
    {
        try
        {
            _running.Add(new Running(request, _batch.Add(request.Generation, request)));
            Interlocked.Add(ref _cacheBytes, CacheBytesOf(request.Generation));
        }
        catch (Exception fault) when (IsOfRequest(fault))
        {
            LogFailed(_model, fault);
            Fail(request, EngineErrors.Failed());
        }
    }

    private void Advance()
    {
        try
        {
            _batch.Advance(_options.PromptTokensPerStep);
            _meters.Step(_model, _running.Count);
        }
        catch (OutOfDeviceMemoryException fault)
        {
            // The others can go on without the one that came last.
            LogFailed(_model, fault);
            FailAt(_running.Count - 1, EngineErrors.OutOfMemory());
        }
#pragma warning disable CA1031 // A device that fails must not end the thread: who waits is told, and the next request tries again.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            LogFailed(_model, fault);
            for (int i = _running.Count - 1; i >= 0; i--)
            {
                FailAt(i, EngineErrors.Failed());
            }
        }

        for (int i = _running.Count - 1; i >= 0; i--)
        {
            if (_running[i].Answer.IsOver)
            {
                Finish(_running[i]);
                Leave(i);
            }
        }
    }

    private void Finish(Running running)
    {
        if (running.Answer.Fault is { } fault)
        {
            LogFailed(_model, fault);
        }

        Count(running.Request, running.Answer.Fault is null ? "answered" : "failed");
        running.Request.Release();
    }

    private void FailAt(int place, EngineException fault)
    {
        _batch.Remove(_running[place].Answer);
        Fail(_running[place].Request, fault);
        Leave(place);
    }

    private void Fail(LoopRequest request, EngineException fault)
    {
        Count(request, "failed");
        request.Fail(fault);
    }

    private void Leave(int place)
    {
        Interlocked.Add(ref _cacheBytes, -CacheBytesOf(_running[place].Request.Generation));
        _running.RemoveAt(place);
    }

    // Whatever else comes is a bug, and no reason to go on.
    private static bool IsOfRequest(Exception fault) => fault is InterfuseException or ArgumentException;

    private void Count(LoopRequest request, string outcome)
    {
        if (request is AnswerRequest answer)
        {
            _meters.Ended(_model, answer, outcome);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Model}: the model failed on a request")]
    private partial void LogFailed(string model, Exception fault);

    private readonly record struct Running(AnswerRequest Request, Answer Answer);
}
