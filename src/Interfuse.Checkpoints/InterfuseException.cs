namespace Interfuse;

/// <summary>The root of every error Interfuse reports about its input, its recipe or its surroundings.</summary>
/// <remarks>
/// The message is one sentence that names the file, tensor or line and says what was expected and what to do.
/// Mistakes of a calling program use the framework's own <see cref="ArgumentException"/> family instead.
/// </remarks>
public class InterfuseException : Exception
{
    /// <summary>Makes an error with a message for the user.</summary>
    public InterfuseException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an error with a message for the user and the failure behind it, if there is one.</summary>
    public InterfuseException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
