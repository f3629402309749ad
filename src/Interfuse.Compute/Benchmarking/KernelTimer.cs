using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>Times a case and, in turns with it, a copy of as many bytes, so that noise hits both.</summary>
internal static class KernelTimer
{
    private const int ChunkBytes = 16 << 20;

    public static KernelTimes Measure(KernelCase kernel, KernelTiming timing)
    {
        kernel.Run();
        long copied = (kernel.BytesRead + kernel.BytesWritten + 1) / 2;
        using var tensors = new TensorSet(kernel.Queue);
        DeviceSpan source = tensors.Output(DType.UInt8, copied);
        DeviceSpan destination = tensors.Output(DType.UInt8, copied);
        Touch(kernel.Queue, source);

        TimeSpan round = timing.Total / timing.Rounds;
        int copies = CallsFor(round, WarmUp(kernel.Queue, Copy, timing.WarmUp));
        int calls = CallsFor(round, WarmUp(kernel.Queue, kernel.Run, timing.WarmUp));
        double[] copySeconds = new double[timing.Rounds];
        double[] seconds = new double[timing.Rounds];
        double[] shares = new double[timing.Rounds];
        for (int i = 0; i < timing.Rounds; i++)
        {
            copySeconds[i] = SecondsPerCall(kernel.Queue, Copy, copies);
            seconds[i] = SecondsPerCall(kernel.Queue, kernel.Run, calls);
            shares[i] = copySeconds[i] / seconds[i];
        }

        return new KernelTimes(Median(seconds), Median(copySeconds), Median(shares), shares.Min(), shares.Max());

        void Copy() => kernel.Queue.Copy(source, destination);
    }

    // Memory that nobody has written may not exist yet, and is then too quick to read.
    private static void Touch(DeviceQueue queue, DeviceSpan span)
    {
        byte[] chunk = new byte[Math.Min(ChunkBytes, span.Length)];
        new Random(1).NextBytes(chunk);
        for (long start = 0; start < span.Length; start += chunk.Length)
        {
            long length = Math.Min(chunk.Length, span.Length - start);
            queue.Upload(chunk.AsSpan(0, (int)length), span.Slice(start, length));
        }
    }

    // Runs until the time is over; gives the seconds a call took in the end.
    private static double WarmUp(DeviceQueue queue, Action call, TimeSpan duration)
    {
        int calls = 1;
        double last = SecondsPerCall(queue, call, calls);
        for (double spent = last; spent < duration.TotalSeconds; spent += last * calls)
        {
            calls = Math.Min(2 * calls, CallsFor(duration / 4, last));
            last = SecondsPerCall(queue, call, calls);
        }

        return last;
    }

    private static int CallsFor(TimeSpan duration, double secondsPerCall) =>
        (int)Math.Clamp(Math.Ceiling(duration.TotalSeconds / secondsPerCall), 1, 1 << 20);

    private static double SecondsPerCall(DeviceQueue queue, Action call, int calls)
    {
        TimeSpan taken = queue.Measure(() =>
        {
            for (int i = 0; i < calls; i++)
            {
                call();
            }
        });

        // The clock's own step, where the whole took less.
        return Math.Max(taken.TotalSeconds, 1e-7) / calls;
    }

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
