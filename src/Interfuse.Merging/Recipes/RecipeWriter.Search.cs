using System.Globalization;
using YamlDotNet.Core.Events;

namespace Interfuse.Merging.Recipes;

/// <content>What is searched for, and how candidates are compared.</content>
internal sealed partial class RecipeWriter
{
    private void WriteSearch(RecipeSearch? search)
    {
        if (search is null)
        {
            return;
        }

        WriteText("search");
        BeginMap();
        WriteEntry("strategy", search.Strategy == SearchStrategy.Grid ? "grid" : "evolution");
        WriteCount("evaluations", search.Evaluations);
        WriteText("seed");
        WritePlain(search.Seed.ToString(CultureInfo.InvariantCulture));
        WriteDimensions([.. search.Dimensions.Where(dimension => dimension.Model is null)]);
        WriteList(
            "models",
            [.. search.Dimensions.Where(dimension => dimension.Model is not null).GroupBy(dimension => dimension.Model!)],
            group =>
            {
                BeginMap();
                WriteEntry("model", group.Key.Text);
                WriteDimensions([.. group]);
                EndMap();
            });
        EndMap();
    }

    private void WriteDimensions(SearchDimension[] dimensions)
    {
        if (dimensions.Length == 0)
        {
            return;
        }

        WriteText("parameters");
        BeginMap();
        foreach (SearchDimension dimension in dimensions)
        {
            WriteText(dimension.Parameter);
            if (dimension.Range is { } range)
            {
                WriteRange(range);
            }
            else
            {
                BeginList(SequenceStyle.Flow);
                foreach (ParameterSetting value in dimension.Values)
                {
                    WriteSetting(value);
                }

                EndList();
            }
        }

        EndMap();
    }

    private void WriteRange(SearchRange range)
    {
        BeginMap();
        WriteText("min");
        WriteNumber(range.Minimum);
        WriteText("max");
        WriteNumber(range.Maximum);
        if (range.Step is { } step)
        {
            WriteText("step");
            WriteNumber(step);
        }

        EndMap();
    }

    private void WriteEvaluation(RecipeEvaluation? evaluation)
    {
        if (evaluation is null)
        {
            return;
        }

        WriteText("evaluate");
        BeginMap();
        WriteList("tasks", evaluation.Tasks, task => WriteText(task.Text));
        WriteCount("max_tokens", evaluation.MaxTokens);
        WriteCount("limit", evaluation.Limit);
        WriteList("command", evaluation.Command, WriteText);
        WriteCount("timeout", evaluation.Command.Count == 0 ? null : (int)evaluation.Timeout.TotalSeconds);
        EndMap();
    }

    private void WriteCount(string key, int? count)
    {
        if (count is { } number)
        {
            WriteText(key);
            WritePlain(number.ToString(CultureInfo.InvariantCulture));
        }
    }
}
