using System.Runtime.InteropServices;
using Interfuse.Compute;
using Interfuse.Experts;

namespace Interfuse.Inference.Models;

public sealed partial class Decoder
{
    /// <summary>
    /// What prompts are like to the model: the mean over a prompt's tokens of their vectors between two layers. Routers go by
    /// it.
    /// </summary>
    /// <remarks>A prompt's features do not depend on what else is asked for, nor on threads or the device: a sum runs in the
    /// order of the tokens and in float64.</remarks>
    /// <param name="prompts">The prompts, each of one token or more.</param>
    /// <param name="mix">Who reads them.</param>
    /// <param name="depth">After how many layers the vectors are taken: 0 for the embeddings,
    /// <see cref="DecoderConfig.LayerCount"/> for what goes into the last norm.</param>
    /// <param name="maxTokens">How many tokens of a prompt are read at most, its first ones; 1 or more. The model's context
    /// bounds it too.</param>
    /// <returns>For each prompt <see cref="DecoderConfig.HiddenSize"/> numbers, rounded to float32 once.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such depth or expert, or no token is to be
    /// read.</exception>
    /// <exception cref="InterfuseException">A prompt is empty, or a token is not in the vocabulary.</exception>
    /// <exception cref="OutOfDeviceMemoryException">The device is full.</exception>
    public IReadOnlyList<float[]> Features(
        IReadOnlyList<ReadOnlyMemory<int>> prompts, ExpertMix mix, int depth, int maxTokens = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(mix);
        ArgumentOutOfRangeException.ThrowIfNegative(depth);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(depth, Config.LayerCount);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 1);
        var features = new List<float[]>(prompts.Count);
        var waiting = new List<ReadOnlyMemory<int>>();
        int waitingTokens = 0;
        for (int i = 0; i < prompts.Count; i++)
        {
            ReadOnlyMemory<int> prompt = prompts[i][..Math.Min(prompts[i].Length, Math.Min(maxTokens, Config.ContextLength))];
            if (prompt.IsEmpty)
            {
                throw new InterfuseException($"{Name}: prompt {i + 1} of {prompts.Count} is empty, and has no features.");
            }

            // As many together as go through the layers at once.
            if (waitingTokens + prompt.Length > MaxPassTokens)
            {
                AddFeatures(waiting, mix, depth, features);
                waiting.Clear();
                waitingTokens = 0;
            }

            waiting.Add(prompt);
            waitingTokens += prompt.Length;
        }

        AddFeatures(waiting, mix, depth, features);
        return features;
    }

    private void AddFeatures(List<ReadOnlyMemory<int>> prompts, ExpertMix mix, int depth, List<float[]> features)
    {
        double[][] sums = [.. prompts.Select(_ => new double[Config.HiddenSize])];
        var sequences = new List<DecoderSequence>();
        try
        {
            sequences.AddRange(prompts.Select(_ => Start(mix)));
            Reading[] batch = [.. prompts.Select((prompt, i) => new Reading(sequences[i], prompt))];
            ForEachPass(batch, isPrompt: true, depth, new SumPass(_queue, sums));
        }
        finally
        {
            sequences.ForEach(sequence => sequence.Dispose());
        }

        features.AddRange(sums.Select((sum, i) => Array.ConvertAll(sum, value => (float)(value / prompts[i].Length))));
    }

    // Adds a pass's vectors to the sums of their readings.
    private readonly struct SumPass(DeviceQueue queue, double[][] sums) : IPassHandler
    {
        public void Take(ReadOnlySpan<DecoderToken> tokens, DeviceSpan hidden)
        {
            float[] values = new float[hidden.Length];
            queue.Download(hidden, MemoryMarshal.AsBytes(values.AsSpan()));
            for (int row = 0; row < tokens.Length; row++)
            {
                double[] sum = sums[tokens[row].Reading];
                for (int j = 0; j < sum.Length; j++)
                {
                    sum[j] += values[(row * sum.Length) + j];
                }
            }
        }
    }
}
