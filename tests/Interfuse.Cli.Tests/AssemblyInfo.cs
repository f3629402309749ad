// Most of a test's time is a process that starts or waits for the disk.
[assembly: Parallelizable(ParallelScope.Fixtures)]
