using System.Diagnostics;

namespace Interfuse.Server.Engine;

/// <summary>What measurements and traces of the engine are called.</summary>
public static class EngineTelemetry
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string Name = "Interfuse.Server";

    internal static readonly ActivitySource Source = new(Name);
}
