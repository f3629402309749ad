using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Interfuse.Merging.Execution;

namespace Interfuse.Merging.Tests.Execution;

public sealed partial class WorkerThreadsTests
{
    [Test]
    public void Every_thread_does_the_work_and_is_waited_for()
    {
        int done = 0;

        WorkerThreads.Run(5, inBackground: false, () => Interlocked.Increment(ref done));

        Assert.That(done, Is.EqualTo(5));
    }

    [Test]
    [Platform("Linux", Reason = "reads priorities by Linux's rules")]
    public void Threads_in_the_background_step_back_and_no_others()
    {
        int own = Niceness();
        ConcurrentBag<int> background = [];
        ConcurrentBag<int> foreground = [];

        WorkerThreads.Run(2, inBackground: true, () => background.Add(Niceness()));
        WorkerThreads.Run(2, inBackground: false, () => foreground.Add(Niceness()));

        Assert.That(background, Is.EqualTo(new[] { Math.Min(19, own + 10), Math.Min(19, own + 10) }));
        Assert.That(foreground, Is.EqualTo(new[] { own, own }));
        Assert.That(Niceness(), Is.EqualTo(own));
    }

    private static int Niceness() => getpriority(0, 0);

    [LibraryImport("libc")]
    private static partial int getpriority(int which, uint who);
}
