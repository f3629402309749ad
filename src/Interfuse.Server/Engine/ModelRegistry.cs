using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Interfuse.Compute;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Engine;

/// <summary>The models that are loaded, and those that are being unloaded.</summary>
internal sealed partial class ModelRegistry : IModelRegistry, IAsyncDisposable
{
    private readonly InterfuseOptions _options;
    private readonly EngineMeters _meters;
    private readonly TimeProvider _clock;
    private readonly ILogger<ModelRegistry> _logger;

    // Guards what is below; nothing is waited for while it is held.
    private readonly Lock _lock = new();
    private readonly List<LoadedModel> _models = [];
    private readonly Dictionary<LoadedModel, Task> _closing = [];
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile NameTable _names = new([]);
    private volatile bool _isEnding;

    // One model is loaded at a time.
    private readonly SemaphoreSlim _loading = new(1);
    private Device? _device;

    /// <param name="options">What is configured.</param>
    /// <param name="meters">Where things are counted.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="logger">Is told of what comes and goes.</param>
    public ModelRegistry(
        IOptions<InterfuseOptions> options, EngineMeters meters, TimeProvider clock, ILogger<ModelRegistry> logger)
    {
        _options = options.Value;
        _meters = meters;
        _clock = clock;
        _logger = logger;
        Gauge("interfuse.queue.depth", "{request}", "Requests that wait.", model => model.Loop.Waiting);
        Gauge("interfuse.batch.active", "{answer}", "Answers in the making.", model => model.Loop.Active);
        Gauge("interfuse.cache.bytes", "By", "Keys and values that running answers may need.", model => model.Loop.CacheBytes);
        Gauge("interfuse.model.bytes", "By", "What the files of loaded models hold.", model => model.Served.Bytes);
    }

    /// <inheritdoc/>
    public IReadOnlyList<ServedModel> Models
    {
        get
        {
            lock (_lock)
            {
                return [.. _models.Select(model => model.Served)];
            }
        }
    }

    /// <inheritdoc/>
    public bool IsReady => _loaded.Task.IsCompletedSuccessfully && !_isEnding;

    /// <inheritdoc/>
    public Task Loaded => _loaded.Task;

    /// <summary>What requests may name.</summary>
    public IReadOnlyList<ExpertName> Names => _names.All;

    /// <summary>Finds what a request names.</summary>
    /// <exception cref="EngineException">There is nothing of this name, or more than one thing.</exception>
    public ExpertName Find(string name) => FindModel(name).Name;

    /// <summary>Finds what a request names, and enters the model; whoever did leaves it again.</summary>
    /// <exception cref="EngineException">There is nothing of this name, or more than one thing; or the process is about to
    /// end.</exception>
    public (ExpertName Name, LoadedModel Model) Enter(string name)
    {
        CheckNotEnding();
        (ExpertName Name, LoadedModel Model) found = FindModel(name);
        return found.Model.TryEnter() ? found : throw EngineErrors.Unknown(name, "; it has been unloaded");
    }

    /// <summary>Enters a model by its own name; whoever did leaves it again.</summary>
    /// <exception cref="EngineException">There is none; or the process is about to end.</exception>
    public LoadedModel EnterModel(string name)
    {
        CheckNotEnding();
        lock (_lock)
        {
            LoadedModel model = Require(name);
            return model.TryEnter() ? model : throw EngineErrors.Unknown(name, "; it has been unloaded");
        }
    }

    /// <inheritdoc/>
    public async Task<ServedModel> LoadAsync(ModelSource source, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        string name = NameOf(source);
        await _loading.WaitAsync(cancellation);
        try
        {
            CheckNotEnding();
            CheckFree(name);
            await Task.Run(() => Load(source, name, cancellation), cancellation);
            lock (_lock)
            {
                return Require(name).Served;
            }
        }
        finally
        {
            _loading.Release();
        }
    }

    /// <inheritdoc/>
    public async Task UnloadAsync(string name, CancellationToken cancellation = default)
    {
        Task closing;
        lock (_lock)
        {
            LoadedModel model = Require(name);
            if (model.Served.IsPinned)
            {
                throw EngineErrors.Bad(nameof(name), $"The model '{name}' is pinned, and stays loaded; take the pin away first.");
            }

            closing = Remove(model);
        }

        await closing.WaitAsync(cancellation);
    }

    /// <inheritdoc/>
    public ServedModel Pin(string name, bool isPinned)
    {
        lock (_lock)
        {
            LoadedModel model = Require(name);
            model.Served = model.Served with { IsPinned = isPinned };
            _names = new NameTable(_models);
            return model.Served;
        }
    }

    /// <summary>Loads what is configured.</summary>
    /// <exception cref="InterfuseException">Something can't be run.</exception>
    public async Task LoadConfiguredAsync(CancellationToken cancellation)
    {
        try
        {
            foreach (ModelSource source in _options.Models)
            {
                await LoadAsync(source, cancellation);
            }

            _loaded.TrySetResult();
        }
        catch (Exception fault)
        {
            _loaded.TrySetException(fault);
            throw;
        }
    }

    /// <summary>Takes no more requests.</summary>
    public void BeginEnding()
    {
        _isEnding = true;
        _loaded.TrySetCanceled();
    }

    /// <summary>Ends all requests.</summary>
    public void Abort()
    {
        foreach (LoadedModel model in All())
        {
            model.Loop.Abort(EngineErrors.Ending());
        }
    }

    /// <summary>Unloads everything, once running requests are done.</summary>
    public async Task CloseAsync(CancellationToken cancellation)
    {
        Task[] closing;
        lock (_lock)
        {
            closing = [.. _models.ToArray().Select(Remove), .. _closing.Values];
        }

        await Task.WhenAll(closing).WaitAsync(cancellation);
        _device?.Dispose();
        _device = null;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        BeginEnding();
        Abort();
        await CloseAsync(CancellationToken.None);
        _loading.Dispose();
    }

    private static string NameOf(ModelSource source)
    {
        string name = source.Name ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(source.Path)));
        return NameForm().IsMatch(name) && name is not (NameTable.Auto or NameTable.Shared)
            ? name
            : throw EngineErrors.Bad(
                nameof(ModelSource.Name),
                $"'{name}' is no name for a model: give it one of up to 64 letters, digits and . _ -, other than "
                + $"'{NameTable.Auto}' and '{NameTable.Shared}'.");
    }

    private (ExpertName Name, LoadedModel Model) FindModel(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        NameTable names = _names;
        return names.All.Count == 0 && !_loaded.Task.IsCompleted ? throw EngineErrors.Loading() : names.Find(name);
    }

    private void Load(ModelSource source, string name, CancellationToken cancellation)
    {
        MakeRoom(source.Path);
        DeviceChoice? choice = _device is null ? Devices.Open(_options.Device, Threads()) : null;
        if (choice is not null)
        {
            _device = choice.Device;
            LogDevice(choice.Why);
        }

        long begin = _clock.GetTimestamp();
        var engine = new EngineParts(_device!, _options, _meters, _clock, _logger);
        var model = LoadedModel.Open(source, name, engine, cancellation);
        lock (_lock)
        {
            _models.Add(model);
            _names = new NameTable(_models);
        }

        TimeSpan time = _clock.GetElapsedTime(begin);
        LogLoaded(name, model.Served.Experts.Count, model.Served.Identity, time);
    }

    private int Threads() => _options.Threads > 0 ? _options.Threads : Environment.ProcessorCount;

    // Unloads what is idle and not pinned, the one that was used longest ago first.
    private void MakeRoom(string path)
    {
        if (_options.MaxModelBytes == 0 || !Directory.Exists(path))
        {
            return;
        }

        long needed = LoadedModel.BytesOf(path);
        lock (_lock)
        {
            while (_models.Sum(model => model.Served.Bytes) + needed > _options.MaxModelBytes)
            {
                LoadedModel? idle = _models.Where(model => !model.Served.IsPinned && model.IsIdle).MinBy(model => model.LastUse);
                if (idle is null)
                {
                    throw new EngineException(
                        EngineFault.Unavailable,
                        $"There is no room for another {needed} bytes of weights among {_options.MaxModelBytes}, and no idle "
                        + "model that may be unloaded; unload one first.");
                }

                Remove(idle);
            }
        }
    }

    // Under the lock.
    private Task Remove(LoadedModel model)
    {
        _models.Remove(model);
        _names = new NameTable(_models);
        Task closing = CloseAsync(model);
        if (!closing.IsCompleted)
        {
            _closing.Add(model, closing);
        }

        return closing;
    }

    private async Task CloseAsync(LoadedModel model)
    {
        // Not under the caller's lock.
        await Task.Yield();
        await model.CloseAsync();
        LogUnloaded(model.Served.Name);
        lock (_lock)
        {
            _closing.Remove(model);
        }
    }

    private IReadOnlyList<LoadedModel> All()
    {
        lock (_lock)
        {
            return [.. _models, .. _closing.Keys];
        }
    }

    private void CheckFree(string name)
    {
        lock (_lock)
        {
            if (_models.Any(model => model.Served.Name == name))
            {
                throw EngineErrors.Bad(nameof(ModelSource.Name), $"A model '{name}' is loaded already; give another name.");
            }
        }
    }

    private void CheckNotEnding()
    {
        if (_isEnding)
        {
            throw EngineErrors.Ending();
        }
    }

    // Under the lock.
    private LoadedModel Require(string name) => _models.Find(model => model.Served.Name == name)
        ?? throw EngineErrors.Unknown(name, "; see the list of models");

    private void Gauge(string name, string unit, string description, Func<LoadedModel, long> value) =>
        _meters.Meter.CreateObservableGauge(
            name,
            () => All().Select(model => new Measurement<long>(
                value(model), new KeyValuePair<string, object?>("model", model.Served.Name))),
            unit,
            description);

    [LoggerMessage(Level = LogLevel.Information, Message = "Computing on {Device}")]
    private partial void LogDevice(string device);

    [LoggerMessage(Level = LogLevel.Information, Message = "Loaded {Model} ({Experts} experts, {Identity}) in {Time}")]
    private partial void LogLoaded(string model, int experts, string identity, TimeSpan time);

    [LoggerMessage(Level = LogLevel.Information, Message = "Unloaded {Model}")]
    private partial void LogUnloaded(string model);

    [GeneratedRegex(@"\A[A-Za-z0-9._-]{1,64}\z")]
    private static partial Regex NameForm();
}
