using System.CommandLine;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse route</c>: routers of expert packs.</summary>
internal static class RouteCommand
{
    public static readonly Argument<string> PackPath = new("PACK")
    {
        Description = "The directory of an expert pack.",
    };

    public static Command Create() => new("route", "Train the router of an expert pack, and see what it makes of a prompt.")
    {
        RouteTrainCommand.Create(), RouteShowCommand.Create(),
    };
}
