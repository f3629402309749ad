using Interfuse.Experts.Routing;

namespace Interfuse.Server.Engine;

/// <summary>Answers prompts with the experts that are loaded, many at a time.</summary>
/// <remarks>
/// Requests share the steps of one batch per model whichever experts they name, and an answer is the same whatever else is
/// answered at the time. Safe for any number of threads.
/// </remarks>
public interface IExpertEngine
{
    /// <summary>What a request may name, in the order in which models were loaded.</summary>
    IReadOnlyList<ExpertName> Names { get; }

    /// <summary>Finds what a request names.</summary>
    /// <param name="name">An <see cref="ExpertName.Id"/>; or an expert's name, or <c>auto</c>, alone, where only one
    /// loaded model has it.</param>
    /// <exception cref="EngineException">There is none, or several have it.</exception>
    ExpertName Find(string name);

    /// <summary>Answers a prompt, piece by piece.</summary>
    /// <remarks>
    /// The first piece comes when the prompt has been read, and says who answers; the last says why the answer ended. What
    /// is not yet read is kept, so a slow reader holds nobody up. Leaving the enumeration, or the cancellation, takes the
    /// request out of the batch at its next step.
    /// </remarks>
    /// <param name="request">The request.</param>
    /// <param name="cancellation">Takes the request back.</param>
    /// <exception cref="EngineException">The request can't be taken, or not be finished; thrown by the
    /// enumeration.</exception>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    IAsyncEnumerable<AnswerPiece> GenerateAsync(EngineRequest request, CancellationToken cancellation = default);

    /// <summary>The features that a pack's router goes by: what the shared model makes of a prompt.</summary>
    /// <param name="model">The pack's name, see <see cref="ServedModel.Name"/>.</param>
    /// <param name="prompt">The prompt's text.</param>
    /// <param name="cancellation">Takes the request back.</param>
    /// <exception cref="EngineException">There is no such pack, it has no router, or the prompt is unfit.</exception>
    Task<float[]> EmbedAsync(string model, string prompt, CancellationToken cancellation = default);

    /// <summary>Decides which experts of a pack should answer a prompt.</summary>
    /// <param name="model">The pack's name, see <see cref="ServedModel.Name"/>.</param>
    /// <param name="prompt">The prompt's text.</param>
    /// <param name="policy">How to decide; null for the one configured.</param>
    /// <param name="cancellation">Takes the request back.</param>
    /// <exception cref="EngineException">There is no such pack, it has no router, or the prompt is unfit.</exception>
    Task<RouteDecision> RouteAsync(
        string model, string prompt, RoutePolicy? policy = null, CancellationToken cancellation = default);

    /// <summary>Opens one tensor of every expert of a model, for who runs models otherwise.</summary>
    /// <param name="model">The model's name, see <see cref="ServedModel.Name"/>. It stays loaded until the tensor is
    /// disposed of.</param>
    /// <param name="tensor">The tensor's name.</param>
    /// <exception cref="EngineException">There is no such model or tensor.</exception>
    ExpertMatrix OpenMatrix(string model, string tensor);
}
