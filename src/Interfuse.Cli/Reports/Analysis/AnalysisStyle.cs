namespace Interfuse.Cli;

/// <summary>How the page of an analysis looks, on light screens and dark ones.</summary>
internal static class AnalysisStyle
{
    public const string Css = """
        :root { color-scheme: light dark; --page: #f6f7f9; --card: #ffffff; --ink: #1c2330; --soft: #5d6778; --grid: #e3e7ee;
          --mid: #f1f2f5; --hot: #c8402f; --cold: #2463b4; --strong: #ffffff; --accent: #2463b4; --ring: #c8402f;
          --e0: #2f6fc4; --e1: #d9702b; --e2: #2d9367; --e3: #8a55b8; --e4: #b53a5e; --e5: #7c8a2a; --e6: #2596a6; --e7: #8c6a4a; }
        @media (prefers-color-scheme: dark) {
          :root { --page: #12151b; --card: #1a1f28; --ink: #e6eaf1; --soft: #98a3b5; --grid: #2c3442;
            --mid: #252b37; --hot: #d2523e; --cold: #437fd0; --strong: #ffffff; --accent: #6fa9f5; --ring: #f08372;
            --e0: #6fa9f5; --e1: #f0965a; --e2: #58c796; --e3: #b98ae6; --e4: #ee7f9f; --e5: #b9c75a; --e6: #5cc9d8; --e7: #c7a582; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 28px 24px 48px; max-width: 1180px; background: var(--page); color: var(--ink);
          font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
        h1 { font-size: 28px; margin: 0 0 4px; letter-spacing: -0.01em; }
        h2 { font-size: 19px; margin: 0 0 2px; }
        p { margin: 0 0 12px; color: var(--soft); max-width: 86ch; overflow-wrap: anywhere; }
        p b { color: var(--ink); font-weight: 600; }
        section { background: var(--card); border: 1px solid var(--grid); border-radius: 12px; padding: 20px 22px; margin: 18px 0; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: 14px; margin: 16px 0 4px; }
        .tiles div { background: var(--card); border: 1px solid var(--grid); border-radius: 12px; padding: 14px 18px; }
        .tiles strong { display: block; font-size: 26px; font-weight: 650; font-variant-numeric: tabular-nums; }
        .tiles span, footer { color: var(--soft); font-size: 13px; }
        .maps { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 18px 22px; }
        figure { margin: 8px 0; overflow-x: auto; }
        figcaption { font-weight: 600; margin-bottom: 4px; }
        svg { display: block; max-width: 100%; height: auto; }
        svg text { font: 12px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: var(--ink); font-variant-numeric: tabular-nums; }
        svg text.label { fill: var(--soft); } svg text.axis { fill: var(--soft); font-size: 12.5px; }
        svg text.small { fill: var(--soft); font-size: 10.5px; } svg text.mark { font-weight: 600; }
        svg text.middle, svg text.inside { text-anchor: middle; } svg text.end { text-anchor: end; }
        svg text.inside { font-size: 11.5px; pointer-events: none; } svg text.strong { fill: var(--strong); }
        .cell { rx: 3px; } .cell.none { fill: none; }
        .grid { stroke: var(--grid); stroke-width: 1; }
        .curve { fill: none; stroke: var(--accent); stroke-width: 2.5; stroke-linejoin: round; }
        .budget { fill: var(--accent); } .fixed { fill: none; stroke: var(--ring); stroke-width: 2.5; pointer-events: all; }
        .legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0 0; font-size: 13.5px; }
        .legend span { display: inline-flex; align-items: center; gap: 7px; }
        .legend i { width: 12px; height: 12px; border-radius: 3px; }
        .legend i.line { height: 3px; width: 22px; background: var(--accent); }
        .legend i.ring { border: 2.5px solid var(--ring); border-radius: 50%; }
        .scale { display: flex; align-items: center; gap: 8px; margin: 10px 0 0; font-size: 12.5px; font-variant-numeric: tabular-nums; }
        .scale i { width: 180px; height: 10px; border-radius: 5px; }
        .scale .diverging { background: linear-gradient(in oklab to right, var(--cold), var(--mid), var(--hot)); }
        .scale .rising { background: linear-gradient(in oklab to right, var(--mid), var(--hot)); }
        .e0 { fill: var(--e0); background: var(--e0); } .e1 { fill: var(--e1); background: var(--e1); }
        .e2 { fill: var(--e2); background: var(--e2); } .e3 { fill: var(--e3); background: var(--e3); }
        .e4 { fill: var(--e4); background: var(--e4); } .e5 { fill: var(--e5); background: var(--e5); }
        .e6 { fill: var(--e6); background: var(--e6); } .e7 { fill: var(--e7); background: var(--e7); }
        footer { margin-top: 22px; }
        """;
}
