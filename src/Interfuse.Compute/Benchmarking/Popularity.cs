namespace Interfuse.Compute.Benchmarking;

/// <summary>Which of several things a batch of requests is for.</summary>
internal enum Popularity
{
    /// <summary>All different, as far as there are so many.</summary>
    Distinct,

    /// <summary>Each as likely as the other.</summary>
    Uniform,

    /// <summary>By Zipf's law: the n-th most popular thing is wanted a n-th as often as the first.</summary>
    Skewed,

    /// <summary>All want the same.</summary>
    Identical,
}

/// <summary>What a <see cref="Popularity"/> picks.</summary>
internal static class Popularities
{
    /// <summary>The things that requests are for, each from 0 on.</summary>
    /// <param name="popularity">The pattern.</param>
    /// <param name="requests">How many requests there are.</param>
    /// <param name="things">How many things there are, 1 or more.</param>
    public static long[] Pick(this Popularity popularity, int requests, long things)
    {
        var random = new Random(1);
        long[] picked = new long[requests];
        for (int request = 0; request < requests; request++)
        {
            picked[request] = popularity switch
            {
                Popularity.Distinct => request % things,
                Popularity.Uniform => random.NextInt64(things),
                // The inverse of the law's continuous form: of all requests, log(n + 1) / log(things + 1) are below n.
                Popularity.Skewed => Math.Min((long)Math.Pow(things + 1.0, random.NextDouble()) - 1, things - 1),
                _ => 0,
            };
        }

        return picked;
    }
}
