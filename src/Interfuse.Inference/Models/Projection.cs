using Interfuse.Compute;
using Interfuse.Experts;

namespace Interfuse.Inference.Models;

/// <summary>A matrix [m, n] that vectors are multiplied by, and its bias if it has one.</summary>
internal sealed record Projection(LoadedTensor Matrix, ExpertVectors? Bias) : IDisposable
{
    /// <summary>m, the elements that come out.</summary>
    public int Outputs => (int)Matrix.Matrix.Rows;

    /// <summary>y = W x + b for every token of a pass.</summary>
    /// <param name="pass">The tokens.</param>
    /// <param name="x">[T, n], F32.</param>
    /// <param name="y">Receives [T, m], F32.</param>
    public void Apply(DecoderPass pass, DeviceSpan x, DeviceSpan y)
    {
        if (pass.IsPrompt)
        {
            foreach ((ExpertMix mix, int start, int count) in pass.Batch.Runs)
            {
                Matrix.MatMul(
                    pass.Queue,
                    mix,
                    x.Slice(start * Matrix.Matrix.Columns, count * Matrix.Matrix.Columns),
                    y.Slice((long)start * Outputs, (long)count * Outputs),
                    pass.Scratch);
            }
        }
        else
        {
            Matrix.Multiply(pass.Queue, pass.Batch, x, y, pass.Scratch);
        }

        if (Bias is not null)
        {
            pass.Queue.AddBias(y, Bias.Values, pass.ExpertWords, Outputs);
        }
    }

    public void Dispose()
    {
        Matrix.Dispose();
        Bias?.Dispose();
    }
}
