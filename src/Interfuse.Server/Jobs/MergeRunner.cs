using System.Diagnostics;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Merging.Recipes;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Jobs;

/// <summary>Does the merge jobs, one after another, on a thread of its own.</summary>
/// <remarks>
/// What a job has finished is in its journal beside the target. So a job that the process does not survive goes on at the
/// next start, unless that happened too often; and one that is at work when the process is to end is put aside at once, to
/// leave the machine to the requests that are still to be answered.
/// </remarks>
internal sealed class MergeRunner(
    MergeJobs jobs, IOptions<MergeJobOptions> options, IHostApplicationLifetime lifetime, ILogger<MergeJobs> logger)
    : BackgroundService
{
    // The disk of the list may be full for a while.
    private static readonly TimeSpan WriteAgain = TimeSpan.FromSeconds(5);

    /// <summary>Opens the list of jobs, and puts those back into the queue that an earlier process did not finish.</summary>
    /// <exception cref="InterfuseException">The list, or a folder, can't be opened.</exception>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        if (jobs.AreOn)
        {
            foreach (MergeJob job in jobs.Store.Running())
            {
                Recover(job);
            }
        }

        return base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!jobs.AreOn)
        {
            return;
        }

        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime.ApplicationStopping);
        while (!stopping.IsCancellationRequested)
        {
            ActiveJob? active = null;
            await WriteAsync(() => active = jobs.TakeNext(stopping.Token), stopping.Token).ConfigureAwait(false);
            if (active is null)
            {
                await WaitAsync(stopping.Token).ConfigureAwait(false);
                continue;
            }

            // A thread of its own: a job takes hours, and the pool's threads are for requests.
            Action ending = await Task.Factory.StartNew(
                () => Run(active, stopping.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
                .ConfigureAwait(false);
            await WriteAsync(ending, stopping.Token).ConfigureAwait(false);
            jobs.Release(active);
        }
    }

    private void Recover(MergeJob job)
    {
        if (MergeOutput.IsOf(jobs.Folders.OutputAt(job.Output), job.Recipe))
        {
            // It was put in place, and only that was not written down any more.
            jobs.Store.PutBack(job.Id, isForgiven: true);
        }
        else if (job.IsStopping)
        {
            jobs.Clear(job);
            Cancel(job);
        }
        else if (job.Attempts >= options.Value.MaxAttempts)
        {
            jobs.Clear(job);
            Fail(job, $"The server ended {job.Attempts} times while it was at work on this job.");
        }
        else
        {
            jobs.Store.PutBack(job.Id, isForgiven: false);
            MergeLog.Recovered(logger, job.Id, job.Attempts);
        }
    }

    // Gives what has to be written down of its end.
    private Action Run(ActiveJob active, CancellationToken stopping)
    {
        MergeJob job = active.Job;
        string target = jobs.Folders.OutputAt(job.Output);
        long begin = Stopwatch.GetTimestamp();
        MergeLog.Running(logger, job.Id, job.Attempts, job.Threads, job.Device);
        try
        {
            if (!MergeOutput.IsOf(target, job.Recipe))
            {
                Merge(active, target);
            }

            // From here on it can't be cancelled any more, only be put aside.
            StagedDirectory.Clear(target);
            MergeJobResult result = MergeOutput.Describe(target, stopping);
            TimeSpan elapsed = Stopwatch.GetElapsedTime(begin);
            return () =>
            {
                jobs.Finish(job, MergeJobState.Done, result: result);
                MergeLog.Done(logger, job.Id, elapsed, result.Kind, job.Output, result.Bytes);
            };
        }
        catch (OperationCanceledException) when (active.IsCancelled)
        {
            jobs.Clear(job);
            return () => Cancel(job);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return () =>
            {
                jobs.Store.PutBack(job.Id, isForgiven: true);
                MergeLog.PutAside(logger, job.Id);
            };
        }
        catch (Exception error)
        {
            if (!JobFailure.IsExpected(error))
            {
                MergeLog.Broke(logger, error, job.Id);
            }

            jobs.Clear(job);
            string reason = JobFailure.Reason(error, jobs.Folders);
            return () => Fail(job, reason);
        }
    }

    private void Merge(ActiveJob active, string target)
    {
        MergeJob job = active.Job;
        Recipe recipe = JobRecipe.Read(job.Recipe, jobs.Folders);
        using Device device = Devices.Open(job.Device, threads: 1).Device;
        using MergeWork work = MergeWork.Plan(recipe, jobs.OptionsOf(job.Threads, device));
        active.Work = work;
        work.Run(target, active.Stop);
    }

    private void Cancel(MergeJob job)
    {
        jobs.Finish(job, MergeJobState.Cancelled);
        MergeLog.Cancelled(logger, job.Id);
    }

    private void Fail(MergeJob job, string reason)
    {
        jobs.Finish(job, MergeJobState.Failed, error: reason);
        MergeLog.Failed(logger, job.Id, reason);
    }

    private async Task WaitAsync(CancellationToken stopping)
    {
        try
        {
            await jobs.Added.ReadAsync(stopping).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The loop sees it.
        }
    }

    // Once at least. What is not written when the process ends is seen to at the next start.
    private async Task WriteAsync(Action write, CancellationToken stopping)
    {
        while (true)
        {
            try
            {
                write();
                return;
            }
            catch (SqliteException error)
            {
                MergeLog.StoreFailed(logger, error, WriteAgain);
            }
            catch (ObjectDisposedException)
            {
                // The host was disposed of without being stopped before.
                return;
            }

            try
            {
                await Task.Delay(WriteAgain, stopping).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
