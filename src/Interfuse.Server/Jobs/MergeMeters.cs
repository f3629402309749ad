using System.Diagnostics.Metrics;
using Interfuse.Server.Engine;

namespace Interfuse.Server.Jobs;

/// <summary>What is measured of merge jobs, under <see cref="EngineTelemetry.Name"/>.</summary>
internal sealed class MergeMeters
{
    private readonly Counter<long> _ended;

    /// <param name="factory">The host's meters.</param>
    /// <param name="jobs">What is measured.</param>
    public MergeMeters(IMeterFactory factory, MergeJobs jobs)
    {
        Meter meter = factory.Create(EngineTelemetry.Name);
        meter.CreateObservableGauge(
            "interfuse.merges.queued", () => Count(MergeJobState.Queued), "{job}", "Merge jobs that wait.");
        meter.CreateObservableGauge(
            "interfuse.merges.running", () => Count(MergeJobState.Running), "{job}", "Merge jobs that are at work.");
        _ended = meter.CreateCounter<long>(
            "interfuse.merges.ended", "{job}", "Merge jobs that ended, by the state they came to.");
        meter.CreateObservableCounter(
            "interfuse.merges.written", () => jobs.BytesWritten, "By", "Bytes of results that merge jobs wrote.");

        int Count(MergeJobState state) => jobs.AreOn ? jobs.Store.CountOf(state) : 0;
    }

    /// <summary>A job has come to its end.</summary>
    public void Ended(MergeJobState state) =>
        _ended.Add(1, new KeyValuePair<string, object?>("state", JobStore.Word(state)));
}
