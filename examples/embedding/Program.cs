// Experts inside a .NET service of your own: embedding PACK PROMPT
using Interfuse.Experts;
using Interfuse.Experts.Routing;
using Interfuse.Server.Engine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

if (args is not [string pack, string prompt])
{
    await Console.Error.WriteLineAsync("usage: embedding PACK PROMPT");
    return 2;
}

// README: begin
HostApplicationBuilder builder = Host.CreateApplicationBuilder();
builder.Services.AddInterfuse(options => options.Models.Add(new ModelSource { Path = pack, Name = "pack" }));
using IHost host = builder.Build();
await host.StartAsync();
var engine = host.Services.GetRequiredService<IExpertEngine>();

// The pack's router chooses the expert; pack/NAME would name one.
await foreach (AnswerPiece piece in engine.GenerateAsync(new EngineRequest("pack/auto", EnginePrompt.Of(prompt))))
{
    Console.Write(piece.By is { } by ? $"{by.Name}: {piece.Text}" : piece.Text);
}

// README: end
Console.WriteLine();

// The router alone.
RouteDecision route = await engine.RouteAsync("pack", prompt);
Console.WriteLine($"routed to {route.Why(host.Services.GetRequiredService<IModelRegistry>().Models[0].Experts)}");

// The weights alone, for who has a runtime already: y = W x for each expert, without writing W out.
using (ExpertMatrix matrix = engine.OpenMatrix("pack", "model.layers.0.mlp.up_proj.weight"))
{
    ExpertMix[] experts = [ExpertMix.Of(0), ExpertMix.Of(1), ExpertMix.Weighted(new(0, 0.5f), new(1, 0.5f))];
    float[] x = new float[experts.Length * matrix.Columns];
    float[] y = new float[experts.Length * matrix.Rows];
    Array.Fill(x, 1f);
    matrix.Multiply(experts, x, y);
    Console.WriteLine(
        $"first products of {matrix.Rows}: {y[0]:F4} and {y[matrix.Rows]:F4}, mixed {y[2 * matrix.Rows]:F4}");
}

await host.StopAsync();
return 0;
