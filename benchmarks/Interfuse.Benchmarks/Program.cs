using BenchmarkDotNet.Running;
using Interfuse.Benchmarks.Decoding;
using Interfuse.Benchmarks.EndToEnd;
using Interfuse.Benchmarks.Quality;
using Interfuse.Benchmarks.Serving;

// "end-to-end" runs whole merges beside plain file copies, "decoding" a model beside the machine's ceilings, "quality" makes
// docs/quality.md, "serving" asks a server with many clients; anything else goes to BenchmarkDotNet's kernel benchmarks.
if (args is ["end-to-end", ..])
{
    return EndToEndBenchmark.Run(args[1..]);
}

if (args is ["decoding", ..])
{
    return DecodingBenchmark.Run(args[1..]);
}

if (args is ["quality", ..])
{
    return QualityTable.Run(args[1..]);
}

if (args is ["serving", ..])
{
    return ServingBenchmark.Run(args[1..]);
}

BenchmarkSwitcher.FromAssembly(typeof(EndToEndBenchmark).Assembly).Run(args);
return 0;
