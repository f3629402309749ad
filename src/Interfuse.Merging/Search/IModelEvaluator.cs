namespace Interfuse.Merging.Search;

/// <summary>Says how good a model is. The floor that can run models implements it.</summary>
public interface IModelEvaluator
{
    /// <summary>Evaluates a model.</summary>
    /// <param name="modelDirectory">The full path of its directory, which is left as it is.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <returns>A finite number; a greater one is better. The same model gives the same number.</returns>
    /// <exception cref="InterfuseException">The model cannot be evaluated.</exception>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    double Evaluate(string modelDirectory, CancellationToken cancellation);
}
