using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Search;

/// <summary>Lets a command evaluate models: a program that is given a directory and prints a number on its last line.</summary>
/// <remarks>
/// There is no shell between: the program is started with the arguments as they are. It runs in the recipe's folder, with
/// an empty standard input. When it takes too long or the search is stopped, it is killed with the processes it started.
/// </remarks>
public sealed class CommandEvaluator : IModelEvaluator
{
    // For output that is still under way when the program has ended, or that a process left behind holds open.
    private static readonly TimeSpan Drain = TimeSpan.FromSeconds(2);

    private readonly IReadOnlyList<string> _command;
    private readonly TimeSpan _timeout;
    private readonly string _folder;

    /// <summary>Makes the evaluator of a recipe.</summary>
    /// <param name="recipe">A recipe whose <see cref="Recipe.Evaluation"/> has a command.</param>
    public CommandEvaluator(Recipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        if (recipe.Evaluation is not { Command.Count: > 0 } evaluation)
        {
            throw new ArgumentException("The recipe has no command that evaluates.", nameof(recipe));
        }

        _command = evaluation.Command;
        _timeout = evaluation.Timeout;
        _folder = recipe.Folder ?? Environment.CurrentDirectory;
    }

    /// <inheritdoc/>
    public double Evaluate(string modelDirectory, CancellationToken cancellation)
    {
        ArgumentException.ThrowIfNullOrEmpty(modelDirectory);
        cancellation.ThrowIfCancellationRequested();
        string[] command =
        [
            .. _command.Select(word => word.Replace(RecipeEvaluation.ModelPlace, modelDirectory, StringComparison.Ordinal)),
        ];
        string shown = string.Join(' ', command);
        OutputTail output = new();
        OutputTail errors = new();
        using Process process = Start(command, shown);
        int exitCode;
        try
        {
            exitCode = RunAsync(process, output, errors, cancellation).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            throw Fault(shown, $"did not end within {_timeout.TotalSeconds:0} s and was killed; raise 'timeout' if it "
                + "needs longer", output, errors);
        }

        if (exitCode != 0)
        {
            throw Fault(shown, $"ended with exit code {exitCode}, expected 0", output, errors);
        }

        if (!double.TryParse(output.LastLine, NumberStyles.Float, CultureInfo.InvariantCulture, out double score))
        {
            throw Fault(shown, "printed no number on its last line", output, errors);
        }

        return double.IsFinite(score)
            ? score
            : throw Fault(shown, $"printed {output.LastLine}, expected a finite number", output, errors);
    }

    private Process Start(string[] command, string shown)
    {
        // A path that is relative is so to the recipe, as all its paths; a bare name is looked up as shells do.
        bool isPath = command[0].Contains(Path.DirectorySeparatorChar) || command[0].Contains('/');
        var start = new ProcessStartInfo(isPath ? Path.GetFullPath(command[0], _folder) : command[0], command[1..])
        {
            WorkingDirectory = _folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            return Process.Start(start)!;
        }
        catch (Exception error) when (error is Win32Exception or InvalidOperationException)
        {
            throw new InterfuseException(
                $"the evaluation command can't be started ({error.Message}): {shown}; expected a program that is on the "
                    + "path, or whose path is given");
        }
    }

    private async Task<int> RunAsync(
        Process process, OutputTail output, OutputTail errors, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_timeout);
        process.StandardInput.Close();
        Task read = Task.WhenAll(output.ReadAsync(process.StandardOutput), errors.ReadAsync(process.StandardError));
        try
        {
            await process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            await Task.WhenAny(read, Task.Delay(Drain, limit.Token)).ConfigureAwait(false);
            return process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
            await Task.WhenAny(read, Task.Delay(Drain, CancellationToken.None)).ConfigureAwait(false);
            throw;
        }
    }

    private static InterfuseException Fault(string shown, string reason, OutputTail output, OutputTail errors)
    {
        string tail = string.Join(" | ", new[] { End("output", output), End("errors", errors) }.OfType<string>());
        return new InterfuseException(
            $"the evaluation command {reason}: {shown}; {(tail.Length == 0 ? "it printed nothing" : tail)}");
    }

    // As much as fits a message, from the end.
    private static string? End(string name, OutputTail tail)
    {
        const int Shown = 400;
        string text = tail.Text.Trim();
        return text.Length == 0 ? null : $"the end of its {name}: {(text.Length > Shown ? "..." + text[^Shown..] : text)}";
    }
}
