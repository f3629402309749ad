using Interfuse.Compute;
using Interfuse.Inference.Evaluation;
using Interfuse.Inference.Models;
using Interfuse.Inference.Routing;

namespace Interfuse.Cli;

/// <summary>What a model, or experts of a pack, made of every task.</summary>
/// <param name="Name">What it is called in a table: the directory, and the expert, mixture or policy after a
/// colon.</param>
/// <param name="Path">The directory's full path.</param>
/// <param name="Expert">The expert; null for a plain model and a mixture.</param>
/// <param name="Mixture">The mixture of experts, or <c>shared</c>; else null.</param>
/// <param name="Route">The policy of the router that chose for each sample; else null.</param>
/// <param name="Experts">The names of the model's experts.</param>
/// <param name="Results">What came of each task.</param>
internal sealed record EvaluatedModel(
    string Name, string Path, string? Expert, string? Mixture, string? Route, IReadOnlyList<string> Experts,
    IReadOnlyList<EvaluationResult> Results);

/// <summary>Models and experts to put tasks to.</summary>
internal sealed class Evaluation : IDisposable
{
    private readonly List<RunnableModel> _models = [];
    private readonly List<(RunnableModel Model, string Name, Answerer[] Answerers)> _chosen = [];

    /// <summary>How many models and experts there are.</summary>
    public int Rows => _chosen.Sum(chosen => chosen.Answerers.Length);

    /// <summary>Opens models and finds the experts.</summary>
    /// <param name="paths">Directories of models and packs.</param>
    /// <param name="experts">What of packs is chosen.</param>
    /// <param name="chat">Whether prompts are written by the models' chat templates.</param>
    /// <exception cref="InterfuseException">A model can't be run, or has no such expert.</exception>
    public static Evaluation Of(IReadOnlyList<string> paths, EvaluatedExperts experts, bool chat)
    {
        var evaluation = new Evaluation();
        try
        {
            evaluation.Open(paths, experts, chat);
            return evaluation;
        }
        catch
        {
            evaluation.Dispose();
            throw;
        }
    }

    /// <summary>Puts every task to every model and expert, one after the other.</summary>
    public IReadOnlyList<EvaluatedModel> Run(
        IReadOnlyList<EvaluationTask> tasks, EvaluationOptions options, Device device, SampleProgress progress, CancellationToken cancellation)
    {
        var results = new List<EvaluatedModel>();
        foreach ((RunnableModel model, string name, Answerer[] answerers) in _chosen)
        {
            using Decoder decoder = model.Load(device);
            var evaluator = new Evaluator(decoder, model.Tokenizer, options with { Chat = model.Chat });
            foreach (Answerer answerer in answerers)
            {
                Router? router = answerer.Router is { } trained
                    ? new Router(trained, decoder, model.Tokenizer, answerer.Policy)
                    : null;
                var ofTasks = new List<EvaluationResult>();
                foreach (EvaluationTask task in tasks)
                {
                    ofTasks.Add(router is null
                        ? evaluator.Evaluate(task, answerer.Mix!, progress, cancellation)
                        : evaluator.Evaluate(task, router, progress, cancellation));
                    progress.Complete(task.Samples.Count);
                }

                string? expert = answerer.Mix is null ? null : MixName.Expert(answerer.Mix, model.Experts);
                string? mixture = answerer.Mix is null ? null : MixName.Mixture(answerer.Mix, model.Experts);
                string? route = router is null ? null : RouteWords.Of(router.Policy);
                string rowName = model.Experts.Count == 0 ? name : $"{name}:{route ?? expert ?? mixture}";
                results.Add(new EvaluatedModel(rowName, model.Path, expert, mixture, route, model.Experts, ofTasks));
            }
        }

        return results;
    }

    public void Dispose() => _models.ForEach(model => model.Dispose());

    private void Open(IReadOnlyList<string> paths, EvaluatedExperts experts, bool chat)
    {
        string[] names = ShortNames.Of(paths, path => Path.GetFileName(path));
        for (int i = 0; i < paths.Count; i++)
        {
            var model = RunnableModel.Open(paths[i], chat);
            _models.Add(model);
            _chosen.Add((model, names[i], [.. experts.Of(model)]));
        }

        // Without a pack there is nothing to choose from: the first model says so.
        if (_models.TrueForAll(model => model.Experts.Count == 0))
        {
            experts.RefuseAt(_models[0]);
        }
    }
}
