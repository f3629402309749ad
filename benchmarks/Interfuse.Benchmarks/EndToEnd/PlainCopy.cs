using System.Diagnostics;

namespace Interfuse.Benchmarks.EndToEnd;

/// <summary>The floor of a merge: read the same input files, write and flush as many output bytes, and do nothing else.</summary>
internal static class PlainCopy
{
    private const int PieceBytes = 1 << 20;

    /// <summary>Seconds to read files into a small buffer per thread.</summary>
    public static double Read(IReadOnlyList<string> files, int threads)
    {
        long begin = Stopwatch.GetTimestamp();
        foreach (string path in files)
        {
            using var file = File.OpenHandle(path);
            InPieces(RandomAccess.GetLength(file), threads, (offset, buffer) => RandomAccess.Read(file, buffer, offset));
        }

        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    /// <summary>Seconds to write a file of this many bytes, preallocated, and to flush it to the disk.</summary>
    public static double Write(string path, long bytes, int threads)
    {
        long begin = Stopwatch.GetTimestamp();
        using (var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, preallocationSize: bytes))
        {
            InPieces(bytes, threads, (offset, buffer) =>
            {
                RandomAccess.Write(file, buffer, offset);
                return buffer.Length;
            });
            RandomAccess.FlushToDisk(file);
        }

        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        File.Delete(path);
        return seconds;
    }

    private delegate int Piece(long offset, Span<byte> buffer);

    private static void InPieces(long bytes, int threads, Piece piece)
    {
        long next = 0;
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(_ => new Thread(() =>
        {
            byte[] buffer = new byte[PieceBytes];
            for (long offset; (offset = Interlocked.Add(ref next, PieceBytes) - PieceBytes) < bytes;)
            {
                Span<byte> part = buffer.AsSpan(0, (int)Math.Min(PieceBytes, bytes - offset));
                if (piece(offset, part) != part.Length)
                {
                    throw new EndOfStreamException();
                }
            }
        }))];
        Array.ForEach(workers, worker => worker.Start());
        Array.ForEach(workers, worker => worker.Join());
    }
}
