using Interfuse.Compute;

namespace Interfuse.Experts.Encoders;

/// <summary>A matrix of a <see cref="MatrixMethod"/> that every expert keeps as its own, in rows: one group each.</summary>
internal static class KeptMatrix
{
    /// <summary>How it is stored.</summary>
    public static StoredMatrix Of(PlannedMatrix matrix, int experts)
    {
        byte[] groups = new byte[checked(matrix.Units * experts)];
        for (int place = 0; place < groups.Length; place++)
        {
            groups[place] = (byte)(place % experts);
        }

        return new StoredMatrix(matrix, IsShared: false, groups, [], null);
    }

    /// <summary>The bytes of the device's memory that are taken to write it.</summary>
    public static long BytesFor(PlannedMatrix matrix) => matrix.Spec.ByteLength + MatrixBench.EnergyBytes(matrix);

    /// <summary>Writes every expert's rows, those of one channel side by side.</summary>
    /// <param name="bench">Has the matrix of every model.</param>
    /// <param name="output">Takes the rows.</param>
    /// <returns>Per expert the energy of its task vector; lost is what rounding to the pack's type loses.</returns>
    public static DeltaEnergies Encode(MatrixBench bench, MatrixOutput output)
    {
        PlannedMatrix matrix = bench.Matrix;
        var energies = new DeltaEnergies(bench.Experts);
        DeviceSpan? room = null;
        for (int expert = 0; expert < bench.Experts; expert++)
        {
            DeviceSpan own = bench.Expert(expert);
            energies.Total[expert] = bench.Energy(bench.Base, own, TopKThreshold.All);
            if (own.DType != matrix.Spec.DType)
            {
                DeviceSpan rounded = room ??= bench.Take(matrix.Spec.DType, matrix.Spec.ElementCount);
                bench.Queue.Convert(own, rounded);
                energies.Lost[expert] = bench.Energy(rounded, own, TopKThreshold.All);
                own = rounded;
            }

            for (long channel = 0; channel < matrix.Channels; channel++)
            {
                output.Write(
                    own.Slice(channel * matrix.Columns, matrix.Columns),
                    ((channel * bench.Experts) + expert) * matrix.Columns);
            }
        }

        return energies;
    }
}
