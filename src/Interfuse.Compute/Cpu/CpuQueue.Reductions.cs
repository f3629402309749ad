using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    private DotProducts[] _products = [];
    private MagnitudeSum[] _magnitudes = [];

    protected override void DotCore(DeviceSpan a, DeviceSpan b, Span<DotProducts> tiles)
    {
        Reserve(ref _products, tiles.Length);
        RunTiles(new DotWork(a, b, _products), a.Length);
        _products.AsSpan(0, tiles.Length).CopyTo(tiles);
    }

    protected override void MagnitudeSumsCore(
        DeviceSpan baseValues, DeviceSpan expert, TaskTerm term, long firstElement, Span<MagnitudeSum> tiles)
    {
        Reserve(ref _magnitudes, tiles.Length);
        RunTiles(new MagnitudeSumsWork(baseValues, expert, term, firstElement, _magnitudes), expert.Length);
        _magnitudes.AsSpan(0, tiles.Length).CopyTo(tiles);
    }

    private static void Reserve<T>(ref T[] array, int length)
    {
        if (array.Length < length)
        {
            array = new T[length];
        }
    }

    private readonly struct DotWork(DeviceSpan a, DeviceSpan b, DotProducts[] tiles) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long first = (long)part * TileGrid.TileLength;
            int length = TileLength(part, a.Length);
            bool areFused = AreBFloat16(a, b);
            bool isSquare = a == b && a.DType == DType.Float32;
            DotProducts sum = default;
            for (int start = 0; start < length; start += TileGrid.BlockLength)
            {
                int blockLength = Math.Min(length - start, TileGrid.BlockLength);
                if (areFused)
                {
                    sum += workspace.Kernels.DotStored(
                        Bytes(a, first + start, blockLength), Bytes(b, first + start, blockLength));
                }
                else if (isSquare)
                {
                    double square = workspace.Kernels.SquareSum(
                        MemoryMarshal.Cast<byte, float>(Bytes(a, first + start, blockLength)));
                    sum += new DotProducts(square, square, square);
                }
                else
                {
                    Rows block = workspace.Widen(a, b, first + start, blockLength);
                    sum += workspace.Kernels.Dot(block[0], block[1]);
                }
            }

            tiles[part] = sum;
        }
    }

    private readonly struct MagnitudeSumsWork(
        DeviceSpan baseValues, DeviceSpan expert, TaskTerm term, long firstElement, MagnitudeSum[] tiles) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long first = (long)part * TileGrid.TileLength;
            int length = TileLength(part, expert.Length);
            double all = 0;
            double kept = 0;
            for (int start = 0; start < length; start += TileGrid.BlockLength)
            {
                Rows block = workspace.Widen(
                    baseValues, expert, first + start, Math.Min(length - start, TileGrid.BlockLength));
                Span<float> values = workspace.Result(block.Length);
                workspace.Kernels.TaskVector(block[0], block[1], minimumBits: 0, values);
                all += workspace.Kernels.AbsoluteSum(values);
                Thin(workspace, block[0], block[1], term, firstElement + first + start, values);
                kept += workspace.Kernels.AbsoluteSum(values);
            }

            tiles[part] = new MagnitudeSum(all, kept);
        }
    }
}
