using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Chat;
using Interfuse.Inference.Models;
using Interfuse.Inference.Tokenization;
using Interfuse.Server.Engine.Batching;
using Microsoft.Extensions.Logging;

namespace Interfuse.Server.Engine;

/// <summary>A loaded model or pack, with all that answers requests for it, and with a count of who uses it.</summary>
internal sealed partial class LoadedModel
{
    private readonly ModelWeights _weights;
    private readonly Decoder _decoder;
    private readonly Device _device;
    private readonly TimeProvider _clock;
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _unused = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _users;
    private bool _isClosing;

    private LoadedModel(ModelWeights weights, ServedModel served, Parts parts, EngineParts engine)
    {
        _weights = weights;
        _decoder = parts.Decoder;
        _device = engine.Device;
        _clock = engine.Clock;
        Served = served;
        Tokenizer = parts.Tokenizer;
        Chat = parts.Chat;
        Router = parts.Router;
        LastUse = engine.Clock.GetTimestamp();
        Loop = new BatchLoop(
            served.Name, parts.Decoder, parts.Tokenizer, parts.Router, engine.Options, engine.Meters, engine.Logger);
    }

    /// <summary>What there is to say of it.</summary>
    public ServedModel Served { get; set; }

    public Tokenizer Tokenizer { get; }

    /// <summary>Its chat template; null where it has none that is known.</summary>
    public ChatTemplate? Chat { get; }

    public PackRouter? Router { get; }

    /// <summary>Its thread.</summary>
    public BatchLoop Loop { get; }

    /// <summary>The rows of the token embedding.</summary>
    public int VocabularySize => _decoder.Config.VocabularySize;

    /// <summary>The timestamp of when it was entered last.</summary>
    public long LastUse { get; private set; }

    /// <summary>Whether nobody uses it.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_lock)
            {
                return _users == 0;
            }
        }
    }

    /// <summary>Loads a model.</summary>
    /// <param name="source">Which.</param>
    /// <param name="name">What it is to be called.</param>
    /// <param name="engine">What it is run with.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="InterfuseException">It can't be run.</exception>
    public static LoadedModel Open(ModelSource source, string name, EngineParts engine, CancellationToken cancellation)
    {
        var weights = ModelWeights.Open(source.Path);
        Decoder? decoder = null;
        try
        {
            var tokenizer = Tokenizer.Load(weights.Path);
            PackRouter? router = weights.HasRouter ? weights.OpenRouter() : null;
            ChatTemplate? chat = ChatOf(weights.Path, name, engine.Logger);
            string identity = weights.Identify(cancellation);
            decoder = Decoder.Load(weights, engine.Device);
            var served = new ServedModel(
                name,
                identity,
                weights.Path,
                weights.Experts,
                router is not null,
                chat is not null,
                decoder.Config.ContextLength,
                BytesOf(weights.Path),
                engine.Clock.GetUtcNow(),
                source.IsPinned);
            return new LoadedModel(weights, served, new Parts(decoder, tokenizer, chat, router), engine);
        }
        catch
        {
            decoder?.Dispose();
            weights.Dispose();
            throw;
        }
    }

    /// <summary>What the files of a model's or pack's weights hold.</summary>
    public static long BytesOf(string path) =>
        Directory.EnumerateFiles(path, "*.safetensors").Sum(file => new FileInfo(file).Length);

    /// <summary>Counts one more user, unless it is being unloaded.</summary>
    public bool TryEnter()
    {
        lock (_lock)
        {
            if (_isClosing)
            {
                return false;
            }

            _users++;
            LastUse = _clock.GetTimestamp();
            return true;
        }
    }

    /// <summary>Counts one user less.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            _users--;
            if (_isClosing && _users == 0)
            {
                _unused.TrySetResult();
            }
        }
    }

    /// <summary>Opens a tensor for somebody who has entered and leaves when the tensor is disposed of.</summary>
    /// <exception cref="EngineException">There is no such tensor.</exception>
    public ExpertMatrix OpenMatrix(string tensor)
    {
        if (!_weights.TryFind(tensor, out _))
        {
            throw EngineErrors.Unknown(tensor, $" among the tensors of '{Served.Name}'");
        }

        DeviceQueue queue = _device.CreateQueue();
        try
        {
            return new ExpertMatrix(queue, _weights.Load(tensor, queue), Leave);
        }
        catch
        {
            queue.Dispose();
            throw;
        }
    }

    /// <summary>Lets nobody in any more, waits until nobody is left, and gives everything back.</summary>
    public async Task CloseAsync()
    {
        lock (_lock)
        {
            _isClosing = true;
            if (_users == 0)
            {
                _unused.TrySetResult();
            }
        }

        await _unused.Task;
        Loop.Dispose();
        _decoder.Dispose();
        _weights.Dispose();
    }

    private static ChatTemplate? ChatOf(string path, string name, ILogger logger)
    {
        try
        {
            return ChatTemplate.Load(path);
        }
        catch (CheckpointFormatException fault)
        {
            LogNoChat(logger, name, fault.Message);
            return null;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Model} takes no conversations: {Reason}")]
    private static partial void LogNoChat(ILogger logger, string model, string reason);

    private sealed record Parts(Decoder Decoder, Tokenizer Tokenizer, ChatTemplate? Chat, PackRouter? Router);
}

/// <summary>What models are run with.</summary>
/// <param name="Device">The device.</param>
/// <param name="Options">The bounds.</param>
/// <param name="Meters">Where things are counted.</param>
/// <param name="Clock">The clock.</param>
/// <param name="Logger">Is told what goes wrong.</param>
internal sealed record EngineParts(
    Device Device, InterfuseOptions Options, EngineMeters Meters, TimeProvider Clock, ILogger Logger);
