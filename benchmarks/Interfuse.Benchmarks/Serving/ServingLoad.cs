using System.Diagnostics;

namespace Interfuse.Benchmarks.Serving;

/// <summary>What came of some time of requests.</summary>
/// <param name="Answers">Every answer.</param>
/// <param name="Wrong">How many are unlike the answer alone.</param>
/// <param name="Errors">What went wrong.</param>
/// <param name="Duration">The time until the last answer.</param>
internal sealed record ServingLoad(
    IReadOnlyList<ServedAnswer> Answers, int Wrong, IReadOnlyList<string> Errors, TimeSpan Duration)
{
    public double TokensPerSecond => Answers.Sum(answer => answer.Tokens) / Duration.TotalSeconds;

    /// <summary>Lets clients ask one request after the other.</summary>
    /// <param name="client">What they ask with.</param>
    /// <param name="prompts">What they ask; each client begins elsewhere.</param>
    /// <param name="clients">How many there are.</param>
    /// <param name="duration">For how long they begin requests.</param>
    /// <param name="cancellation">Ends it early.</param>
    public static async Task<ServingLoad> RunAsync(
        ServingClient client,
        IReadOnlyList<ServingPrompt> prompts,
        int clients,
        TimeSpan duration,
        CancellationToken cancellation)
    {
        long begin = Stopwatch.GetTimestamp();
        (List<ServedAnswer> Answers, int Wrong, List<string> Errors)[] all = await Task.WhenAll(
            Enumerable.Range(0, clients).Select(number => Task.Run(() => AskOnAsync(number), cancellation)));
        return new ServingLoad(
            [.. all.SelectMany(each => each.Answers)],
            all.Sum(each => each.Wrong),
            [.. all.SelectMany(each => each.Errors)],
            Stopwatch.GetElapsedTime(begin));

        async Task<(List<ServedAnswer> Answers, int Wrong, List<string> Errors)> AskOnAsync(int number)
        {
            var random = new Random(number);
            var answers = new List<ServedAnswer>();
            var errors = new List<string>();
            int wrong = 0;
            while (Stopwatch.GetElapsedTime(begin) < duration)
            {
                ServingPrompt prompt = prompts[random.Next(prompts.Count)];
                try
                {
                    ServedAnswer answer = await client.AskAsync(prompt, cancellation);
                    answers.Add(answer);
                    wrong += answer.Text == prompt.Expected ? 0 : 1;
                }
                catch (Exception fault) when (fault is HttpRequestException or IOException)
                {
                    errors.Add(fault.Message);
                }
            }

            return (answers, wrong, errors);
        }
    }
}
