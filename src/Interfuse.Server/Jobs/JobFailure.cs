using Interfuse.Merging.Execution;
using Interfuse.Merging.Recipes;

namespace Interfuse.Server.Jobs;

/// <summary>Tells clients why a job failed, without a path that is none of theirs and without a stack trace.</summary>
internal static class JobFailure
{
    /// <summary>Whether something went wrong that a user or the machine can be at fault for.</summary>
    public static bool IsExpected(Exception error) =>
        error is InterfuseException or IOException or UnauthorizedAccessException or OutOfMemoryException;

    /// <summary>The reason in words.</summary>
    public static string Reason(Exception error, JobFolders folders) => error switch
    {
        RecipeException recipe => JobRecipe.Message(recipe, folders),
        ResumeException => "The job was interrupted and can't be continued: its models, its tasks or the server's settings "
            + "have changed since. Submit it again.",
        OutOfMemoryException => "The machine has too little memory; lower the server's MaxMemory, or submit the job again when "
            + "less else is at work.",
        _ when IsExpected(error) => folders.Shown(error.Message),
        _ => "Something went wrong that is a fault of the server's own; its log says more.",
    };
}
