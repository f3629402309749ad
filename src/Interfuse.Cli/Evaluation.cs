using Interfuse.Compute;
using Interfuse.Inference.Evaluation;
using Interfuse.Inference.Models;

namespace Interfuse.Cli;

/// <summary>What a model, or an expert of a pack, made of every task.</summary>
/// <param name="Name">What it is called in a table: the directory, and the expert after a colon.</param>
/// <param name="Path">The directory's full path.</param>
/// <param name="Expert">The expert; null for a plain model.</param>
/// <param name="Results">What came of each task.</param>
internal sealed record EvaluatedModel(string Name, string Path, string? Expert, IReadOnlyList<EvaluationResult> Results);

/// <summary>Models and experts to put tasks to.</summary>
internal sealed class Evaluation : IDisposable
{
    private readonly List<RunnableModel> _models = [];
    private readonly List<(RunnableModel Model, string Name, int[] Experts)> _chosen = [];

    /// <summary>How many models and experts there are.</summary>
    public int Rows => _chosen.Sum(chosen => chosen.Experts.Length);

    /// <summary>Opens models and finds the experts.</summary>
    /// <param name="paths">Directories of models and packs.</param>
    /// <param name="experts">The experts of packs; all where none is given. Plain models take part whatever is chosen.</param>
    /// <param name="chat">Whether prompts are written by the models' chat templates.</param>
    /// <exception cref="InterfuseException">A model can't be run, or has no such expert.</exception>
    public static Evaluation Of(IReadOnlyList<string> paths, IReadOnlyList<string> experts, bool chat)
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
        foreach ((RunnableModel model, string name, int[] experts) in _chosen)
        {
            using Decoder decoder = model.Load(device);
            var evaluator = new Evaluator(decoder, model.Tokenizer, options with { Chat = model.Chat });
            foreach (int expert in experts)
            {
                var ofTasks = new List<EvaluationResult>();
                foreach (EvaluationTask task in tasks)
                {
                    ofTasks.Add(evaluator.Evaluate(task, expert, progress, cancellation));
                    progress.Complete(task.Samples.Count);
                }

                string? expertName = model.Experts.Count == 0 ? null : model.Experts[expert];
                results.Add(new EvaluatedModel(
                    expertName is null ? name : $"{name}:{expertName}", model.Path, expertName, ofTasks));
            }
        }

        return results;
    }

    public void Dispose() => _models.ForEach(model => model.Dispose());

    private void Open(IReadOnlyList<string> paths, IReadOnlyList<string> experts, bool chat)
    {
        string[] names = ShortNames.Of(paths, path => Path.GetFileName(path));
        for (int i = 0; i < paths.Count; i++)
        {
            var model = RunnableModel.Open(paths[i], chat);
            _models.Add(model);
            IEnumerable<int> chosen = model.Experts.Count == 0
                ? [0]
                : experts.Count == 0 ? Enumerable.Range(0, model.Experts.Count) : experts.Select(model.FindExpert);
            _chosen.Add((model, names[i], [.. chosen.Distinct()]));
        }

        // Without a pack there is nothing to choose from: the first model says so.
        if (experts.Count > 0 && _models.TrueForAll(model => model.Experts.Count == 0))
        {
            _models[0].FindExpert(experts[0]);
        }
    }
}
