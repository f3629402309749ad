using Interfuse.Experts;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Models;
using Interfuse.Inference.Tokenization;

namespace Interfuse.Inference.Routing;

/// <summary>Trains a pack's router by what the pack's shared model makes of prompts.</summary>
public static class RouterCalibration
{
    // Prompts between two looks at whether to go on.
    private const int Stretch = 64;

    /// <summary>Reads the prompts with the shared model and trains a router on it.</summary>
    /// <param name="pack">What the pack's <c>pack.json</c> says.</param>
    /// <param name="decoder">The pack, loaded.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="prompts">Prompts of every expert.</param>
    /// <param name="features">What the router goes by.</param>
    /// <param name="options">How it is trained.</param>
    /// <param name="progress">Is told how many prompts have been read.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="InterfuseException">The prompts are too few or tell nothing apart, there is one expert only, or
    /// the model computes no numbers.</exception>
    /// <exception cref="ArgumentException">A number is out of its range.</exception>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    public static RouterTraining Train(
        PackManifest pack, Decoder decoder, Tokenizer tokenizer, IReadOnlyList<CalibrationPrompt> prompts, RouterFeatures features,
        RouterTrainingOptions options, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(decoder);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(features);
        var samples = new List<RouterSample>(prompts.Count);
        foreach (CalibrationPrompt[] stretch in prompts.Chunk(Stretch))
        {
            cancellation.ThrowIfCancellationRequested();
            string[] texts = [.. stretch.Select(prompt => prompt.Text)];
            IReadOnlyList<float[]> found = Router.FeaturesOf(texts, features, decoder, tokenizer);
            samples.AddRange(stretch.Select((prompt, i) => new RouterSample(found[i], prompt.Expert, prompt.Place)));
            progress?.Report(samples.Count);
        }

        return RouterTrainer.Train(pack, features, samples, options, cancellation);
    }
}
