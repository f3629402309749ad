using System.Runtime.InteropServices;
using Interfuse.Compute;

namespace Interfuse.Experts.Routing;

/// <summary>Which samples are kept back: of every class the same share, drawn by a seed.</summary>
internal static class HeldOutSplit
{
    /// <summary>Splits samples.</summary>
    /// <remarks>
    /// Each sample draws a word of 64 bits from Philox's stream of its class; the smallest words of a class are kept
    /// back.
    /// </remarks>
    /// <param name="names">The classes' names.</param>
    /// <param name="classes">The class of each sample.</param>
    /// <param name="share">The share to keep back.</param>
    /// <param name="seed">The seed.</param>
    /// <returns>The places of the samples to train on and of those kept back, both ascending.</returns>
    /// <exception cref="InterfuseException">A class has too few samples.</exception>
    public static (int[] Training, int[] HeldOut) Of(
        IReadOnlyList<string> names, ReadOnlySpan<int> classes, double share, ulong seed)
    {
        var members = names.Select(_ => new List<int>()).ToArray();
        for (int sample = 0; sample < classes.Length; sample++)
        {
            members[classes[sample]].Add(sample);
        }

        var kept = new HashSet<int>();
        var kernels = new CpuKernels();
        for (int k = 0; k < members.Length; k++)
        {
            List<int> samples = members[k];
            int count = (int)Math.Round(samples.Count * share, MidpointRounding.AwayFromZero);
            if (count < 1 || samples.Count - count < 1)
            {
                throw new InterfuseException(
                    $"The expert '{names[k]}' has {samples.Count} prompts, of which {count} would be held out and "
                    + $"{samples.Count - count} trained on; one of each is needed, and a hundred are better: give more prompts.");
            }

            uint[] words = new uint[2 * samples.Count];
            kernels.PhiloxWords(seed, (ulong)k, first: 0, words);
            ulong[] keys = MemoryMarshal.Cast<uint, ulong>(words).ToArray();
            kept.UnionWith(Enumerable.Range(0, samples.Count).OrderBy(i => keys[i]).Take(count).Select(i => samples[i]));
        }

        int[] all = [.. Enumerable.Range(0, classes.Length)];
        return ([.. all.Where(sample => !kept.Contains(sample))], [.. all.Where(kept.Contains)]);
    }
}
