using Interfuse.Experts.Encoders;
using Interfuse.Inference.Evaluation;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Merging.Search;

namespace Interfuse.Server.Jobs;

/// <summary>What a recipe asks for, planned: how far it is, and doing it.</summary>
internal abstract class MergeWork : IDisposable
{
    /// <summary>Reads the headers of every model that a recipe names, and plans.</summary>
    /// <exception cref="InterfuseException">The recipe asks for something these models can't give, or one is unsound.</exception>
    public static MergeWork Plan(Recipe recipe, MergeOptions options) =>
        ModelSearch.Is(recipe) ? new SearchWork(recipe, options)
        : PackMethods.Makes(recipe) ? new PackWork(recipe, options)
        : new ModelWork(recipe, options);

    /// <summary>What is odd but no error.</summary>
    public abstract IReadOnlyList<string> Warnings { get; }

    /// <summary>How far it is at this moment.</summary>
    public abstract MergeJobProgress Progress { get; }

    /// <summary>Bytes of the result that were written so far.</summary>
    public abstract long BytesWritten { get; }

    /// <summary>Does it, or goes on with it; what is interrupted stays beside the target.</summary>
    public abstract void Run(string target, CancellationToken cancellation);

    /// <summary>Closes the models' files.</summary>
    public abstract void Dispose();

    // Below 1: the files still have to be flushed, and to be put in place.
    private static double Share(double done, double total) => total <= 0 ? 0 : Math.Clamp(done / total, 0, 0.99);

    private sealed class ModelWork(Recipe recipe, MergeOptions options) : MergeWork
    {
        private readonly MergePlan _plan = MergePlan.Create(recipe, options);
        private readonly MergeProgress _progress = new();

        public override IReadOnlyList<string> Warnings => _plan.Warnings;

        public override MergeJobProgress Progress => Of(_progress, _plan);

        public override long BytesWritten => _progress.BytesWritten;

        public override void Run(string target, CancellationToken cancellation) =>
            Merger.Run(_plan, target, _progress, cancellation);

        public override void Dispose() => _plan.Dispose();

        public static MergeJobProgress Of(MergeProgress progress, MergePlan plan)
        {
            long total = plan.Layout.Shards.Sum(shard => shard.Tensors.Sum(tensor => tensor.ByteLength));
            long bytes = progress.BytesResumed + progress.BytesWritten;
            return new MergeJobProgress(Share(bytes, total), bytes, total, progress.TensorsDone, plan.TensorCount);
        }
    }

    // What a pack will take is known only when its models have been read.
    private sealed class PackWork(Recipe recipe, MergeOptions options) : MergeWork
    {
        private readonly PackPlan _plan = PackPlan.Create(recipe, options);
        private readonly MergeProgress _progress = new();

        public override IReadOnlyList<string> Warnings => _plan.Warnings;

        public override MergeJobProgress Progress
        {
            get
            {
                long bytes = _progress.BytesRead;
                long total = Math.Max(_plan.BytesToRead, bytes);
                return new MergeJobProgress(Share(bytes, total), bytes, total, _progress.TensorsDone, _plan.TensorCount);
            }
        }

        public override long BytesWritten => _progress.BytesWritten;

        public override void Run(string target, CancellationToken cancellation) =>
            PackEncoder.Run(_plan, target, _progress, cancellation);

        public override void Dispose() => _plan.Dispose();
    }

    private sealed class SearchWork : MergeWork
    {
        private readonly ModelSearch _search;
        private readonly TaskEvaluator _evaluator;
        private readonly SearchProgress _progress = new();

        public SearchWork(Recipe recipe, MergeOptions options)
        {
            _search = ModelSearch.Create(recipe, options);
            try
            {
                _evaluator = new TaskEvaluator(recipe, options.Threads);
            }
            catch
            {
                _search.Dispose();
                throw;
            }
        }

        public override IReadOnlyList<string> Warnings => _search.Sample.Warnings;

        // The merge of the best is one more step beside the candidates.
        public override MergeJobProgress Progress
        {
            get
            {
                SearchState state = _progress.State;
                MergeJobProgress last = ModelWork.Of(_progress.Merge, _search.Sample);
                double done = state.Stage == SearchStage.Finishing ? _search.Evaluations + last.Share : state.Evaluated;
                return last with
                {
                    Share = Share(done, _search.Evaluations + 1),
                    Candidates = state.Evaluated,
                    TotalCandidates = _search.Evaluations,
                };
            }
        }

        public override long BytesWritten => _progress.Merge.BytesWritten;

        public override void Run(string target, CancellationToken cancellation) =>
            _search.Run(target, _evaluator, _progress, cancellation);

        public override void Dispose()
        {
            _search.Dispose();
            _evaluator.Dispose();
        }
    }
}
