using System.Globalization;

namespace Interfuse.Merging.Recipes;

/// <summary>Reads the mapping <c>evaluate</c>.</summary>
/// <param name="keys">The rules for its keys.</param>
internal sealed class EvaluationReader(RecipeKeys keys)
{
    private const int MaxSeconds = 30 * 24 * 3600;

    private const string Forms = "expected `tasks: [task.jsonl]` or `command: [program, \"{model}\"]`";

    /// <summary>Reads it, or gives null where the recipe has none.</summary>
    public RecipeEvaluation? Read(MapNode recipe)
    {
        if (recipe["evaluate"] is not { } node)
        {
            return null;
        }

        MapNode map = node as MapNode
            ?? throw new RecipeException(node.Location, $"'evaluate' is {node.Describe()}, {Forms}");
        keys.Check(map, RecipeKeys.Evaluate);
        Node? tasks = map["tasks"];
        Node? command = map["command"];
        if (tasks is null == command is null)
        {
            throw new RecipeException(map.LocationOf("command"), tasks is null
                ? $"'evaluate' has neither 'tasks' nor 'command', {Forms}"
                : $"'evaluate' has both 'tasks' and 'command': one number decides, so {Forms}");
        }

        RefuseUseless(map, tasks is null ? ["max_tokens", "limit"] : ["timeout"], tasks is null ? "tasks" : "command");
        return new RecipeEvaluation
        {
            Tasks = tasks is null ? [] : ReadTasks(tasks),
            MaxTokens = ReadCount(map, "max_tokens", int.MaxValue),
            Limit = ReadCount(map, "limit", int.MaxValue),
            Command = command is null ? [] : ReadCommand(command),
            Timeout = ReadCount(map, "timeout", MaxSeconds) is { } seconds
                ? TimeSpan.FromSeconds(seconds)
                : RecipeEvaluation.DefaultTimeout,
            Location = recipe.LocationOf("evaluate"),
        };
    }

    /// <summary>Reads a whole number from 1 on, or gives null where it is not set.</summary>
    public static int? ReadCount(MapNode map, string key, int maximum) => map[key] switch
    {
        null => null,
        ScalarNode scalar when int.TryParse(scalar.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            && count >= 1 && count <= maximum => count,
        { } node => throw new RecipeException(
            node.Location, $"'{key}' is {node.Describe()}, expected a whole number from 1 to {maximum}"),
    };

    private static void RefuseUseless(MapNode map, string[] useless, string missing)
    {
        if (Array.Find(useless, key => map[key] is not null) is { } key)
        {
            throw new RecipeException(
                map.LocationOf(key), $"'{key}' has no effect without '{missing}', and this evaluation has none: remove it");
        }
    }

    private static ModelReference[] ReadTasks(Node node)
    {
        IReadOnlyList<Node> items = node is ListNode list ? list.Items : [node];
        return items.Count == 0
            ? throw new RecipeException(node.Location, $"'tasks' is empty, {Forms}")
            : [.. items.Select(ReadTask)];
    }

    private static ModelReference ReadTask(Node node) =>
        node is ScalarNode { IsNull: false, Text: not "" } scalar && !scalar.Text.Contains('\0')
            ? new ModelReference(scalar.Text, scalar.Location)
            : throw new RecipeException(
                node.Location, $"'tasks' has {node.Describe()} for a file, expected the path of a task in JSON Lines");

    private static List<string> ReadCommand(Node node)
    {
        List<string> words = node switch
        {
            ScalarNode scalar => Split(scalar),
            ListNode list => [.. list.Items.Select(ReadWord)],
            _ => throw new RecipeException(
                node.Location, $"'command' is {node.Describe()}, expected a program and its arguments, {Forms}"),
        };
        if (words.Count == 0 || words[0].Length == 0)
        {
            throw new RecipeException(node.Location, $"'command' names no program, {Forms}");
        }

        return words.Skip(1).Any(word => word.Contains(RecipeEvaluation.ModelPlace, StringComparison.Ordinal))
            ? words
            : throw new RecipeException(node.Location, "'command' does not say where the model's directory goes: write "
                + $"{RecipeEvaluation.ModelPlace} in an argument, `command: [{words[0]}, \"{{model}}\"]`");
    }

    private static string ReadWord(Node node) =>
        node is ScalarNode scalar && !scalar.Text.Contains('\0')
            ? scalar.Text
            : throw new RecipeException(node.Location, $"'command' has {node.Describe()} for an argument, expected text");

    // At blanks; a part in quotes is taken whole. There is no shell: nothing else is special.
    private static List<string> Split(ScalarNode node)
    {
        List<string> words = [];
        string word = "";
        bool begun = false;
        char quote = '\0';
        foreach (char letter in ReadWord(node))
        {
            bool isQuote = quote == '\0' ? letter is '"' or '\'' : letter == quote;
            if (isQuote)
            {
                quote = quote == '\0' ? letter : '\0';
                begun = true;
            }
            else if (quote == '\0' && char.IsWhiteSpace(letter))
            {
                if (begun)
                {
                    words.Add(word);
                }

                word = "";
                begun = false;
            }
            else
            {
                word += letter;
                begun = true;
            }
        }

        if (quote != '\0')
        {
            throw new RecipeException(node.Location, $"'command' has a {quote} that is not closed, expected its pair");
        }

        return begun ? [.. words, word] : words;
    }
}
