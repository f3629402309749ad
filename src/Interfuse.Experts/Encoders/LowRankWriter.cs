using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts.Factorization;
using Interfuse.Experts.Schemes;

namespace Interfuse.Experts.Encoders;

/// <summary>Writes the factors of a matrix, expert by expert.</summary>
internal sealed class LowRankWriter
{
    private readonly MatrixBench _bench;
    private readonly DeviceSpan _shared;
    private readonly LowRankChoice _choice;
    private readonly MatrixOutput _output;
    private readonly DeviceSpan _difference;
    private readonly DeviceSpan _left;
    private readonly DeviceSpan _right;
    private readonly DeviceSpan _made;

    /// <summary>Takes the memory that it needs.</summary>
    /// <param name="bench">Has the matrix of every model.</param>
    /// <param name="shared">The shared matrix, as it is stored.</param>
    /// <param name="choice">The rank.</param>
    /// <param name="output">Takes the factors.</param>
    public LowRankWriter(MatrixBench bench, DeviceSpan shared, LowRankChoice choice, MatrixOutput output)
    {
        PlannedMatrix matrix = bench.Matrix;
        _bench = bench;
        _shared = shared;
        _choice = choice;
        _output = output;
        _difference = bench.Take(DType.Float32, matrix.Spec.ElementCount);
        _left = bench.Take(matrix.Spec.DType, matrix.Channels * choice.Rank);
        _right = bench.Take(matrix.Spec.DType, matrix.Columns * choice.Rank);
        _made = bench.Take(matrix.Spec.DType, matrix.Spec.ElementCount);
    }

    /// <summary>Writes an expert's factors, each rounded once to the pack's type.</summary>
    /// <returns>The matrix that an open pack makes of what was written; valid until the next call.</returns>
    public DeviceSpan Write(int expert)
    {
        SingularParts parts = OwnPart.Decompose(_bench, _shared, expert, _choice.Limit, _difference);
        Write(LowRankScheme.LeftPart, Turned(parts.Left), expert, _left);
        Write(LowRankScheme.RightPart, Rows(parts.Right), expert, _right);
        var bank = new LowRankBank(
            _shared, _left, _right, 1, _bench.Matrix.Channels, _bench.Matrix.Columns, _choice.Rank);
        _bench.Queue.Gather(bank, 0, 0, _made);
        return _made;
    }

    private void Write(string part, float[] values, int expert, DeviceSpan factor)
    {
        byte[] bytes = new byte[factor.ByteLength];
        new CpuKernels().Narrow(values, factor.DType, bytes);
        _bench.Queue.Upload(bytes, factor);
        _output.WritePart(part, expert * factor.ByteLength, bytes);
    }

    // [m, r] of the first r rows of [limit, m].
    private float[] Turned(HostMatrix left)
    {
        int rank = _choice.Rank;
        float[] values = new float[left.Columns * rank];
        for (int k = 0; k < rank; k++)
        {
            float[] row = left[k];
            for (int i = 0, at = k; i < row.Length; i++, at += rank)
            {
                values[at] = row[i];
            }
        }

        return values;
    }

    private float[] Rows(HostMatrix right)
    {
        float[] values = new float[right.Columns * _choice.Rank];
        for (int k = 0; k < _choice.Rank; k++)
        {
            right[k].CopyTo(values, k * right.Columns);
        }

        return values;
    }
}
