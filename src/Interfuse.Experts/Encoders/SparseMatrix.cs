using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts.Schemes;
using Interfuse.Merging.Recipes;

namespace Interfuse.Experts.Encoders;

/// <summary>
/// Writes the parts of a sparse matrix: of every expert the elements that differ most from the dense matrix, exactly so
/// many, of equal differences those with the lowest index, as they are in the pack's type.
/// </summary>
internal sealed class SparseMatrix(MatrixBench bench, MatrixOutput output, DeviceSpan dense, long valuesPerExpert)
{
    // What is brought to the host at a time: indices of kept elements, and elements of an expert.
    private const int IndexPiece = 1 << 19;
    private const int ElementPiece = 1 << 22;

    private readonly PlannedMatrix _matrix = bench.Matrix;
    private readonly int[] _starts = new int[checked((int)((bench.Experts * bench.Matrix.Channels) + 1))];
    private readonly byte[] _elements = GC.AllocateUninitializedArray<byte>(ElementPiece * bench.Matrix.Spec.DType.Size());
    private readonly long[] _indices = GC.AllocateUninitializedArray<long>(IndexPiece);

    /// <summary>How a matrix is stored.</summary>
    /// <exception cref="RecipeException">It would take more values than can be counted.</exception>
    public static WholeMatrix Stored(PackPlan plan, PlannedMatrix matrix, int experts)
    {
        long values = ((MediatorSettings)matrix.Settings!).ValuesPerExpert(matrix) * experts;
        if (values > int.MaxValue || (experts * matrix.Channels) + 1 > Array.MaxLength)
        {
            throw new RecipeException(
                plan.Recipe.MethodLocation!,
                $"the experts would keep {values} elements of '{matrix.Spec.Name}', more than the {int.MaxValue} that can be counted; give a smaller 'rho', or `storage: kept`, for this tensor");
        }

        return new WholeMatrix(
            matrix,
            SparseScheme.Name,
            [
                new StoredPart(SparseScheme.StartsPart, DType.Int32, [(experts * matrix.Channels) + 1]),
                new StoredPart(SparseScheme.PlacesPart, SparseBank.PlacesType(matrix.Columns), [values]),
                new StoredPart(SparseScheme.ValuesPart, matrix.Spec.DType, [values]),
            ]);
    }

    /// <summary>What encoding takes beside the inputs: the dense matrix, an expert in the pack's type, what is kept of it,
    /// and what is on its way to the host.</summary>
    public static long RoomFor(PlannedMatrix matrix, long valuesPerExpert)
    {
        int size = matrix.Spec.DType.Size();
        bool converts = matrix.Inputs.Skip(1).Any(input => input.DType != matrix.Spec.DType);
        return (matrix.Spec.ByteLength * (converts ? 2 : 1))
            + (valuesPerExpert * (size + IndexType(matrix).Size()))
            + MatrixBench.EnergyBytes(matrix)
            + ((ElementPiece + IndexPiece) * (long)size)
            + (IndexPiece * (2 * sizeof(long)));
    }

    /// <summary>Writes starts, places and values; gives what is lost.</summary>
    public DeltaEnergies Write()
    {
        var energies = new DeltaEnergies(bench.Experts);
        DeviceSpan deltas = bench.Take(_matrix.Spec.DType, valuesPerExpert);
        DeviceSpan indices = bench.Take(IndexType(_matrix), valuesPerExpert);
        DeviceSpan? room = null;
        for (int expert = 0; expert < bench.Experts; expert++)
        {
            DeviceSpan own = bench.Expert(expert);
            energies.Total[expert] = bench.Energy(bench.Base, own, TopKThreshold.All);
            if (own.DType != _matrix.Spec.DType)
            {
                room ??= bench.Take(_matrix.Spec.DType, _matrix.Spec.ElementCount);
                bench.Queue.Convert(own, room.Value);
                own = room.Value;
            }

            TopKThreshold keep = bench.Queue.FindThreshold(dense, own, valuesPerExpert);
            energies.Lost[expert] = Math.Max(
                0, bench.Energy(dense, own, TopKThreshold.All) - bench.Energy(dense, own, keep));
            bench.Queue.Compact(dense, own, keep, deltas, indices);
            WriteExpert(expert, own, indices);
        }

        output.WritePart(SparseScheme.StartsPart, 0, MemoryMarshal.AsBytes<int>(_starts));
        return energies;
    }

    private static DType IndexType(PlannedMatrix matrix) =>
        matrix.Spec.ElementCount <= int.MaxValue ? DType.Int32 : DType.Int64;

    private void WriteExpert(int expert, DeviceSpan own, DeviceSpan indices)
    {
        bool isNarrow = SparseBank.PlacesType(_matrix.Columns) == DType.UInt16;
        switch (own.DType.Size(), isNarrow)
        {
            case (sizeof(ushort), true):
                WriteExpert<ushort, ushort>(expert, own, indices);
                break;
            case (sizeof(ushort), false):
                WriteExpert<ushort, int>(expert, own, indices);
                break;
            case (sizeof(uint), true):
                WriteExpert<uint, ushort>(expert, own, indices);
                break;
            case (sizeof(uint), false):
                WriteExpert<uint, int>(expert, own, indices);
                break;
            case (_, true):
                WriteExpert<ulong, ushort>(expert, own, indices);
                break;
            default:
                WriteExpert<ulong, int>(expert, own, indices);
                break;
        }
    }

    // Indices ascend, so that one walk over the expert's elements finds all values.
    private void WriteExpert<TValue, TPlace>(int expert, DeviceSpan own, DeviceSpan indices)
        where TValue : unmanaged
        where TPlace : unmanaged, IBinaryInteger<TPlace>
    {
        var values = new TValue[(int)Math.Min(IndexPiece, indices.Length)];
        var places = new TPlace[values.Length];
        long row = 0;
        long rowEnd = _matrix.Columns;
        long pieceStart = 0;
        long pieceEnd = 0;
        int firstStart = (int)(expert * _matrix.Channels);
        for (long done = 0; done < indices.Length; done += values.Length)
        {
            int count = (int)Math.Min(values.Length, indices.Length - done);
            Span<long> found = Download(indices.Slice(done, count));
            for (int i = 0; i < count; i++)
            {
                long index = found[i];
                if (index >= pieceEnd)
                {
                    pieceStart = index;
                    pieceEnd = Math.Min(index + ElementPiece, own.Length);
                    DeviceSpan piece = own.Slice(pieceStart, pieceEnd - pieceStart);
                    bench.Queue.Download(piece, _elements.AsSpan(0, (int)piece.ByteLength));
                }

                for (; index >= rowEnd; row++, rowEnd += _matrix.Columns)
                {
                    _starts[firstStart + row + 1] = (int)((expert * valuesPerExpert) + done + i);
                }

                values[i] = Unsafe.ReadUnaligned<TValue>(
                    ref _elements[(int)(index - pieceStart) * Unsafe.SizeOf<TValue>()]);
                places[i] = TPlace.CreateTruncating(index - (rowEnd - _matrix.Columns));
            }

            long first = (expert * valuesPerExpert) + done;
            output.WritePart(
                SparseScheme.ValuesPart, first * Unsafe.SizeOf<TValue>(), MemoryMarshal.AsBytes(values.AsSpan(0, count)));
            output.WritePart(
                SparseScheme.PlacesPart, first * Unsafe.SizeOf<TPlace>(), MemoryMarshal.AsBytes(places.AsSpan(0, count)));
        }

        for (; row < _matrix.Channels; row++)
        {
            _starts[firstStart + row + 1] = (int)((expert + 1) * valuesPerExpert);
        }
    }

    private Span<long> Download(DeviceSpan indices)
    {
        Span<long> all = _indices.AsSpan(0, (int)indices.Length);
        if (indices.DType == DType.Int64)
        {
            bench.Queue.Download(indices, MemoryMarshal.AsBytes(all));
            return all;
        }

        // Into the lower half, then widened from the last to the first, so that none is overwritten before it is read.
        Span<int> narrow = MemoryMarshal.Cast<long, int>(all)[..all.Length];
        bench.Queue.Download(indices, MemoryMarshal.AsBytes(narrow));
        for (int i = all.Length - 1; i >= 0; i--)
        {
            all[i] = narrow[i];
        }

        return all;
    }
}
