using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts;

namespace Interfuse.Inference.Models;

/// <summary>A decoder-only model, or all experts of a pack, ready to run on a device.</summary>
/// <remarks>
/// What comes out for a sequence depends on its own tokens and experts only: not on the sequences that share a batch with
/// it, nor on threads or the device. Serves one thread at a time.
/// </remarks>
public sealed partial class Decoder : IDisposable
{
    /// <summary>The most tokens that go through the layers at once; longer batches go in several passes.</summary>
    public const int MaxPassTokens = 512;

    /// <summary>The most different mixtures of several experts that sequences may have at once.</summary>
    public const int MaxMixtures = MixTable.MaxMixtures;

    private readonly DeviceQueue _queue;
    private readonly List<DecoderLayer> _layers = [];
    private readonly LoadedTensor _embedding;
    private readonly ExpertVectors _norm;
    private readonly Projection _head;
    private readonly KeyValueCache _cache;
    private readonly RotaryAngles _rotation;
    private readonly Activations _activations;
    private readonly MixScratch _scratch;
    private readonly MixTable _mixes;
    private readonly IReadOnlyList<ExpertVectors> _vectors;
    private readonly DecoderPass _pass;
    private long[] _rows = [];

    private Decoder(
        DecoderConfig config, DecoderLoader loader, DeviceQueue queue, MixScratch scratch, ModelWeights weights)
    {
        Config = config;
        ExpertCount = weights.ExpertCount;
        Name = weights.Path;
        _queue = queue;
        _scratch = scratch;
        _mixes = new MixTable(ExpertCount);
        _rotation = new RotaryAngles(config.Rope, config.HeadLength);
        _cache = new KeyValueCache(config, queue);
        _activations = new Activations(queue.Device);
        _pass = new DecoderPass(queue, scratch, _activations, _rotation, config.HeadLength);
        LoadedTensor? embedding = null;
        ExpertVectors? norm = null;
        try
        {
            embedding = loader.Load("model.embed_tokens.weight", config.VocabularySize, config.HiddenSize);
            for (int layer = 0; layer < config.LayerCount; layer++)
            {
                _layers.Add(new DecoderLayer(loader, config, layer));
            }

            norm = loader.Vectors("model.norm.weight", config.HiddenSize);
            _head = config.TiedHead
                ? new Projection(embedding, Bias: null)
                : loader.Projection("lm_head", config.VocabularySize, config.HiddenSize, bias: false);
        }
        catch
        {
            norm?.Dispose();
            _layers.ForEach(layer => layer.Dispose());
            embedding?.Dispose();
            throw;
        }

        _embedding = embedding;
        _norm = norm;
        _vectors = loader.AllVectors;
    }

    /// <summary>The model's shape.</summary>
    public DecoderConfig Config { get; }

    /// <summary>How many experts there are; 1 for a plain model.</summary>
    public int ExpertCount { get; }

    /// <summary>The model's path, for messages.</summary>
    public string Name { get; }

    /// <summary>The device memory that the sequences in use take for their keys and values, in bytes.</summary>
    public long CacheBytesInUse => _cache.PagesInUse * _cache.PageBytes;

    /// <summary>Loads a model.</summary>
    /// <param name="weights">The weights; they may be disposed of once this returns.</param>
    /// <param name="device">The device to run it on.</param>
    /// <exception cref="CheckpointFormatException">The architecture is not supported, or a tensor is missing or has the
    /// wrong shape or type.</exception>
    /// <exception cref="OutOfDeviceMemoryException">The device is full.</exception>
    public static Decoder Load(ModelWeights weights, Device device)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(device);
        var config = DecoderConfig.Read(weights.Config, System.IO.Path.Combine(weights.Path, "config.json"));
        DeviceQueue queue = device.CreateQueue();
        var scratch = new MixScratch(queue);
        try
        {
            return new Decoder(config, new DecoderLoader(weights, queue, scratch), queue, scratch, weights);
        }
        catch
        {
            scratch.Dispose();
            queue.Dispose();
            throw;
        }
    }

    /// <summary>Begins a sequence.</summary>
    /// <param name="expert">The expert that reads it, 0 for a plain model.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such expert.</exception>
    public DecoderSequence Start(int expert = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(expert);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(expert, ExpertCount);
        return Start(ExpertMix.Of(expert));
    }

    /// <summary>Begins a sequence of an expert, a mixture of experts or the model they share.</summary>
    /// <param name="mix">Who reads it; <see cref="ExpertMix.Shared"/> of a plain model is the model.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such expert.</exception>
    /// <exception cref="InterfuseException">There are <see cref="MaxMixtures"/> other mixtures in use.</exception>
    /// <exception cref="OutOfDeviceMemoryException">The device is full.</exception>
    public DecoderSequence Start(ExpertMix mix)
    {
        ArgumentNullException.ThrowIfNull(mix);
        if (!mix.IsShared)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(mix.Parts[^1].Expert, ExpertCount, nameof(mix));
        }

        int number = _mixes.Take(mix, out bool isNew);
        if (number < 0)
        {
            throw new InterfuseException(
                $"{Name}: {MaxMixtures} mixtures of experts are in use at once, and no more are possible; wait for one to end.");
        }

        if (isNew)
        {
            Prepare(mix, number);
        }

        return new DecoderSequence(this, _cache, mix, number);
    }

    /// <summary>The device memory that the keys and values of a sequence take.</summary>
    /// <param name="tokens">Its length, 0 or more; a last page that is not full counts as a whole one.</param>
    /// <returns>Bytes. The memory is kept for other sequences once a sequence ends.</returns>
    public long CacheBytes(int tokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        return DecoderSequence.PagesFor(tokens) * _cache.PageBytes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!Config.TiedHead)
        {
            _head.Dispose();
        }

        _norm.Dispose();
        _layers.ForEach(layer => layer.Dispose());
        _embedding.Dispose();
        _activations.Dispose();
        _scratch.Dispose();
        _cache.Dispose();
        _queue.Dispose();
    }

    /// <summary>Lets go of what a sequence had.</summary>
    internal void End(DecoderSequence sequence) => _mixes.Return(sequence.Number);

    // A mixture's norms and biases, which are looked up by its number.
    private void Prepare(ExpertMix mix, int number)
    {
        try
        {
            foreach (ExpertVectors vectors in _vectors)
            {
                vectors.Set(_queue, number, mix, _scratch);
            }
        }
        catch
        {
            _mixes.Forget(number);
            throw;
        }
    }

    // The first layers' work on tokens that have their place in the cache. Gives the vectors before the next norm.
    private DeviceSpan Run(DecoderPass pass, ReadOnlySpan<DecoderToken> tokens, int depth)
    {
        long count = tokens.Length;
        int queries = Config.QueryHeads * Config.HeadLength;
        int keys = Config.KeyValueHeads * Config.HeadLength;
        DeviceSpan hidden = _activations.Take("hidden", count * Config.HiddenSize);
        DeviceSpan normed = _activations.Take("normed", count * Config.HiddenSize);
        DeviceSpan added = _activations.Take("added", count * Config.HiddenSize);
        DeviceSpan query = _activations.Take("query", count * queries);
        DeviceSpan key = _activations.Take("key", count * keys);
        DeviceSpan value = _activations.Take("value", count * keys);
        DeviceSpan attended = _activations.Take("attended", count * queries);
        DeviceSpan gate = _activations.Take("gate", count * Config.FeedForwardSize);
        DeviceSpan up = _activations.Take("up", count * Config.FeedForwardSize);
        float scale = (float)(1 / Math.Sqrt(Config.HeadLength));
        Embed(pass, tokens, hidden);
        for (int number = 0; number < depth; number++)
        {
            DecoderLayer layer = _layers[number];
            Norm(pass, hidden, layer.InputNorm, Config.HiddenSize, normed);
            layer.Query.Apply(pass, normed, query);
            layer.Key.Apply(pass, normed, key);
            layer.Value.Apply(pass, normed, value);
            if (layer.QueryNorm is not null && layer.KeyNorm is not null)
            {
                Norm(pass, query, layer.QueryNorm, Config.HeadLength, query);
                Norm(pass, key, layer.KeyNorm, Config.HeadLength, key);
            }

            _queue.Rotate(query, pass.Angles, Config.HeadLength);
            _queue.Rotate(key, pass.Angles, Config.HeadLength);
            KeyValuePages pages = _cache.Layer(number);
            _queue.StoreKeyValues(pages, pass.Places, key, value);
            _queue.Attention(pages, pass.Places, query, scale, Config.Windows[number], attended);
            layer.Output.Apply(pass, attended, added);
            _queue.LinearCombination([hidden, added], [1f, 1f], hidden);

            Norm(pass, hidden, layer.OutputNorm, Config.HiddenSize, normed);
            layer.Gate.Apply(pass, normed, gate);
            layer.Up.Apply(pass, normed, up);
            _queue.SwiGlu(gate, up, gate);
            layer.Down.Apply(pass, gate, added);
            _queue.LinearCombination([hidden, added], [1f, 1f], hidden);
        }

        return hidden;
    }

    private void Norm(DecoderPass pass, DeviceSpan x, ExpertVectors weights, int columns, DeviceSpan y) =>
        _queue.RmsNorm(x, weights.Values, pass.ExpertWords, columns, Config.NormEpsilon, y);

    private void Embed(DecoderPass pass, ReadOnlySpan<DecoderToken> tokens, DeviceSpan hidden)
    {
        if (_rows.Length < tokens.Length)
        {
            _rows = new long[tokens.Length];
        }

        Span<long> rows = _rows.AsSpan(0, tokens.Length);
        for (int i = 0; i < rows.Length; i++)
        {
            rows[i] = tokens[i].Id;
        }

        DeviceSpan stored = _activations.Take("embedded", hidden.Length, _embedding.Spec.DType);
        _embedding.GatherBatch(_queue, pass.Batch, rows, stored, _scratch);
        _queue.Convert(stored, hidden);
    }
}
