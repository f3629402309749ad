using BenchmarkDotNet.Running;
using Interfuse.Benchmarks.EndToEnd;

// "end-to-end" runs whole merges beside plain file copies; anything else goes to BenchmarkDotNet's kernel benchmarks.
if (args is ["end-to-end", ..])
{
    return EndToEndBenchmark.Run(args[1..]);
}

BenchmarkSwitcher.FromAssembly(typeof(EndToEndBenchmark).Assembly).Run(args);
return 0;
