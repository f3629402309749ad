using Interfuse.Checkpoints;
using NUnit.Framework.Constraints;

namespace Interfuse.Experts.Tests;

/// <summary>How a damaged pack is refused.</summary>
internal static class Refusals
{
    /// <summary>A refusal whose message has all of some words.</summary>
    public static Constraint Refused(params string[] words)
    {
        Constraint message = Is.Not.Null;
        foreach (string word in words)
        {
            message &= Does.Contain(word);
        }

        return Throws.TypeOf<CheckpointFormatException>().With.Message.Matches(message);
    }
}
