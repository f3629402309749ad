using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Inference.Evaluation;
using Interfuse.Inference.Models;

namespace Interfuse.Cli;

/// <summary>What a model, or experts of a pack, made of every task.</summary>
/// <param name="Name">What it is called in a table: the directory, and the expert or mixture after a colon.</param>
/// <param name="Path">The directory's full path.</param>
/// <param name="Expert">The expert; null for a plain model and a mixture.</param>
/// <param name="Mixture">The mixture of experts, or <c>shared</c>; else null.</param>
/// <param name="Results">What came of each task.</param>
internal sealed record EvaluatedModel(
    string Name, string Path, string? Expert, string? Mixture, IReadOnlyList<EvaluationResult> Results);

/// <summary>Models and experts to put tasks to.</summary>
internal sealed class Evaluation : IDisposable
{
    private readonly List<RunnableModel> _models = [];
    private readonly List<(RunnableModel Model, string Name, ExpertMix[] Mixes)> _chosen = [];

    /// <summary>How many models and experts there are.</summary>
    public int Rows => _chosen.Sum(chosen => chosen.Mixes.Length);

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
        foreach ((RunnableModel model, string name, ExpertMix[] mixes) in _chosen)
        {
            using Decoder decoder = model.Load(device);
            var evaluator = new Evaluator(decoder, model.Tokenizer, options with { Chat = model.Chat });
            foreach (ExpertMix mix in mixes)
            {
                var ofTasks = new List<EvaluationResult>();
                foreach (EvaluationTask task in tasks)
                {
                    ofTasks.Add(evaluator.Evaluate(task, mix, progress, cancellation));
                    progress.Complete(task.Samples.Count);
                }

                string? expert = MixName.Expert(mix, model.Experts);
                string? mixture = MixName.Mixture(mix, model.Experts);
                string rowName = model.Experts.Count == 0 ? name : $"{name}:{expert ?? mixture}";
                results.Add(new EvaluatedModel(rowName, model.Path, expert, mixture, ofTasks));
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
