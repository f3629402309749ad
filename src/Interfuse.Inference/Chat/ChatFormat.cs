using System.Text;

namespace Interfuse.Inference.Chat;

/// <summary>What a template is given besides the messages.</summary>
/// <param name="Begin">The text of the token that begins a text.</param>
/// <param name="End">The text of the token that ends a text.</param>
/// <param name="DefaultSystem">The system prompt of a conversation that has none, if the template has one.</param>
/// <param name="AddGenerationPrompt">Whether the beginning of the assistant's next message is added.</param>
internal sealed record ChatSettings(string Begin, string End, string? DefaultSystem, bool AddGenerationPrompt = true);

/// <summary>How one family of templates writes a conversation.</summary>
internal sealed record ChatFormat(string Name, Func<IReadOnlyList<ChatMessage>, ChatSettings, string> Render)
{
    private const string Instruction = "[INST] ";
    private const string InstructionEnd = " [/INST]";

    private static readonly ChatFormat ChatMl = new("ChatML", RenderChatMl);
    private static readonly ChatFormat Zephyr = new("Zephyr", RenderZephyr);
    private static readonly ChatFormat Llama2 = new("Llama 2", RenderLlama2);

    /// <summary>The templates that are known, by the fingerprint of their form.</summary>
    public static IReadOnlyDictionary<string, ChatFormat> Known { get; } = new Dictionary<string, ChatFormat>
    {
        ["91355fff6ac01e10"] = ChatMl, // OpenHermes 2.5 and many others
        ["003a2987063f027b"] = ChatMl, // the same, where the generation prompt is off by default
        ["9ad1e4a090ddbdb4"] = ChatMl, // Qwen 1.5 and 2
        ["98accf4dc64b1624"] = ChatMl, // Qwen 2.5
        ["95957eb4a531998f"] = Llama3(alwaysGenerates: false),
        ["cc6241f14019cb08"] = Llama3(alwaysGenerates: true), // the first days of Llama 3
        ["139a386834a35e77"] = Llama2,
        ["c574993ced7a05f8"] = Mistral("", " ", systemAllowed: false), // 0.1
        ["e61b6fe1a48f00a1"] = Mistral("", "", systemAllowed: false), // 0.2
        ["273242843271ca20"] = Mistral(" ", "", systemAllowed: true), // 0.2, with a system prompt
        ["ee13ccda7c103061"] = Zephyr, // also TinyLlama
    };

    private static string RenderChatMl(IReadOnlyList<ChatMessage> messages, ChatSettings settings)
    {
        var text = new StringBuilder();
        if (settings.DefaultSystem is not null && messages[0].Role != "system")
        {
            text.Append("<|im_start|>system\n").Append(settings.DefaultSystem).Append("<|im_end|>\n");
        }

        foreach (ChatMessage message in messages)
        {
            text.Append("<|im_start|>").Append(message.Role).Append('\n').Append(message.Content).Append("<|im_end|>\n");
        }

        return text.Append(settings.AddGenerationPrompt ? "<|im_start|>assistant\n" : "").ToString();
    }

    private static string RenderZephyr(IReadOnlyList<ChatMessage> messages, ChatSettings settings)
    {
        var text = new StringBuilder();
        foreach (ChatMessage message in messages)
        {
            text.Append("<|").Append(message.Role).Append("|>\n").Append(message.Content).Append(settings.End).Append('\n');
        }

        return text.Append(settings.AddGenerationPrompt ? "<|assistant|>\n" : "").ToString();
    }

    private static ChatFormat Llama3(bool alwaysGenerates) => new("Llama 3", (messages, settings) =>
    {
        var text = new StringBuilder(settings.Begin);
        foreach (ChatMessage message in messages)
        {
            text.Append(Header(message.Role)).Append(Strip(message.Content)).Append("<|eot_id|>");
        }

        return text.Append(alwaysGenerates || settings.AddGenerationPrompt ? Header("assistant") : "").ToString();

        static string Header(string role) => $"<|start_header_id|>{role}<|end_header_id|>\n\n";
    });

    private static string RenderLlama2(IReadOnlyList<ChatMessage> messages, ChatSettings settings)
    {
        (string? system, IEnumerable<ChatMessage> turns) = Turns(messages, "Llama 2", systemAllowed: true);
        var text = new StringBuilder();
        foreach (ChatMessage turn in turns)
        {
            string content = system is null ? turn.Content : $"<<SYS>>\n{system}\n<</SYS>>\n\n{turn.Content}";
            system = null;
            text.Append(turn.Role == "user"
                ? settings.Begin + Instruction + Strip(content) + InstructionEnd
                : " " + Strip(content) + " " + settings.End);
        }

        return text.ToString();
    }

    /// <summary>The instruct models of Mistral before its templates knew tools.</summary>
    /// <param name="lead">What stands before every turn.</param>
    /// <param name="trail">What stands after each of the assistant's.</param>
    /// <param name="systemAllowed">Whether the first message may be the system's.</param>
    private static ChatFormat Mistral(string lead, string trail, bool systemAllowed) => new(
        "Mistral",
        (messages, settings) =>
        {
            (string? system, IEnumerable<ChatMessage> turns) = Turns(messages, "Mistral", systemAllowed);
            var text = new StringBuilder(settings.Begin);
            foreach (ChatMessage turn in turns)
            {
                string content = system is null ? turn.Content : $"{system}\n\n{turn.Content}";
                system = null;
                text.Append(lead).Append(turn.Role == "user"
                    ? Instruction + content + InstructionEnd
                    : content + settings.End + trail);
            }

            return text.ToString();
        });

    /// <summary>
    /// The system prompt, if there is one, and the turns after it: user and assistant in alternation.
    /// </summary>
    private static (string? System, IEnumerable<ChatMessage> Turns) Turns(
        IReadOnlyList<ChatMessage> messages, string name, bool systemAllowed)
    {
        bool hasSystem = systemAllowed && messages[0].Role == "system";
        for (int i = hasSystem ? 1 : 0; i < messages.Count; i++)
        {
            string expected = (i % 2 == 0) == hasSystem ? "assistant" : "user";
            if (messages[i].Role != expected)
            {
                throw new InterfuseException($"message {i} has the role '{messages[i].Role}', where the chat template of "
                    + $"{name} wants '{expected}': user and assistant in turn"
                    + (systemAllowed ? ", after a system message at most" : ", and no system message"));
            }
        }

        return hasSystem ? (messages[0].Content, messages.Skip(1)) : (null, messages);
    }

    /// <summary>Python's <c>strip</c>: white space, and four control characters that separate information.</summary>
    private static string Strip(string text)
    {
        int start = 0;
        int end = text.Length;
        while (start < end && IsSpace(text[start]))
        {
            start++;
        }

        while (end > start && IsSpace(text[end - 1]))
        {
            end--;
        }

        return text[start..end];

        static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1C' and <= '\x1F';
    }
}
