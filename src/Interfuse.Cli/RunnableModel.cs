using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Chat;
using Interfuse.Inference.Models;
using Interfuse.Inference.Tokenization;

namespace Interfuse.Cli;

/// <summary>A model or an expert pack that can be run, as far as that is known without its weights.</summary>
internal sealed class RunnableModel : IDisposable
{
    private readonly ModelWeights _weights;

    private RunnableModel(ModelWeights weights, bool chat)
    {
        _weights = weights;
        Config = DecoderConfig.Read(weights.Config, System.IO.Path.Combine(weights.Path, "config.json"));
        Tokenizer = Tokenizer.Load(weights.Path);
        Chat = chat ? ChatTemplate.Load(weights.Path) : null;
    }

    /// <summary>Its full path.</summary>
    public string Path => _weights.Path;

    /// <summary>The experts' names; none for a plain model.</summary>
    public IReadOnlyList<string> Experts => _weights.Experts;

    public DecoderConfig Config { get; }

    public Tokenizer Tokenizer { get; }

    /// <summary>Its chat template, if that was asked for.</summary>
    public ChatTemplate? Chat { get; }

    /// <exception cref="InterfuseException">There is no model, or it can't be run.</exception>
    public static RunnableModel Open(string path, bool chat)
    {
        var weights = ModelWeights.Open(path);
        try
        {
            return new RunnableModel(weights, chat);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <inheritdoc cref="ModelWeights.FindExpert"/>
    public int FindExpert(string name) => _weights.FindExpert(name);

    /// <inheritdoc cref="ModelWeights.FindMix"/>
    public ExpertMix FindMix(string text) => _weights.FindMix(text);

    /// <summary>The model that the experts share.</summary>
    /// <exception cref="InterfuseException">This is a plain model.</exception>
    public ExpertMix FindShared() => Experts.Count > 0
        ? ExpertMix.Shared
        : throw new InterfuseException(
            $"{Path}: is a plain model without experts, which share nothing; leave out --shared, or give an expert pack.");

    /// <inheritdoc cref="ModelWeights.OpenRouter"/>
    public PackRouter OpenRouter() => _weights.OpenRouter();

    public Decoder Load(Device device) => Decoder.Load(_weights, device);

    public void Dispose() => _weights.Dispose();
}
