using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Inference.Models;

/// <summary>
/// The keys and values of all sequences, in every layer, in pages that sequences take and give back. It grows with what
/// is in use.
/// </summary>
internal sealed class KeyValueCache : IDisposable
{
    private readonly DecoderConfig _config;
    private readonly DeviceQueue _queue;
    private readonly DeviceBuffer?[] _layers;
    private readonly Stack<int> _free = [];
    private readonly long _pageElements;
    private int _capacity;

    public KeyValueCache(DecoderConfig config, DeviceQueue queue)
    {
        _config = config;
        _queue = queue;
        _layers = new DeviceBuffer?[config.LayerCount];
        _pageElements = KeyValuePages.ElementsPerPage(config.KeyValueHeads, config.HeadLength);
    }

    /// <summary>The pages in use.</summary>
    public int PagesInUse => _capacity - _free.Count;

    /// <summary>What a page takes, in all layers together.</summary>
    public long PageBytes => _layers.Length * _pageElements * sizeof(float);

    /// <summary>One layer's pages.</summary>
    public KeyValuePages Layer(int layer) => new(
        _layers[layer]!.Span(DType.Float32, _capacity * _pageElements), _config.KeyValueHeads, _config.HeadLength);

    /// <summary>Makes sure that some pages are free.</summary>
    /// <exception cref="OutOfDeviceMemoryException">The device is full; nothing has changed.</exception>
    public void Reserve(int pages)
    {
        if (pages > _free.Count)
        {
            Grow(Math.Max(2 * _capacity, checked(PagesInUse + pages)));
        }
    }

    /// <summary>Takes a page.</summary>
    public int Take()
    {
        Reserve(1);
        return _free.Pop();
    }

    /// <summary>Gives a page back.</summary>
    public void Return(int page) => _free.Push(page);

    public void Dispose()
    {
        foreach (DeviceBuffer? layer in _layers)
        {
            layer?.Dispose();
        }
    }

    private void Grow(int capacity)
    {
        var grown = new List<DeviceBuffer>();
        try
        {
            for (int layer = 0; layer < _layers.Length; layer++)
            {
                grown.Add(_queue.Device.Allocate(capacity * _pageElements * sizeof(float)));
            }
        }
        catch
        {
            grown.ForEach(buffer => buffer.Dispose());
            throw;
        }

        for (int layer = 0; layer < _layers.Length; layer++)
        {
            if (_layers[layer] is { } old)
            {
                long length = _capacity * _pageElements;
                _queue.Copy(old.Span(DType.Float32, length), grown[layer].Span(DType.Float32, length));
            }
        }

        _queue.Synchronize();
        for (int layer = 0; layer < _layers.Length; layer++)
        {
            _layers[layer]?.Dispose();
            _layers[layer] = grown[layer];
        }

        // The lowest page is taken first.
        for (int page = capacity - 1; page >= _capacity; page--)
        {
            _free.Push(page);
        }

        _capacity = capacity;
    }
}
