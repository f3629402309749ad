using Interfuse.Compute;
using Interfuse.Compute.Cuda;

namespace Interfuse.Cli;

/// <summary>Turns what went wrong into one line for people and an exit code for programs.</summary>
internal static class Failure
{
    /// <summary>Says on the error stream what went wrong and gives the exit code for it.</summary>
    public static int Report(Exception error)
    {
        switch (error)
        {
            case OperationCanceledException:
                Messages.Note("interrupted");
                return ExitCode.Interrupted;

            case DeviceUnavailableException or OutOfDeviceMemoryException or CudaDriverException:
                Messages.Error(error.Message);
                return ExitCode.Device;

            case InterfuseException { InnerException: not (IOException or UnauthorizedAccessException) }:
                Messages.Error(error.Message);
                return ExitCode.BadInput;

            case InterfuseException or IOException or UnauthorizedAccessException:
                Messages.Error(error.Message);
                return ExitCode.InputOutput;

            default:
                Messages.Error(
                    "this is a bug in Interfuse, not a mistake of yours; please report it with the lines below");
                Console.Error.WriteLine(error);
                return ExitCode.Bug;
        }
    }
}
