using System.Text;

namespace Interfuse.Merging.Recipes;

/// <summary>Reads the text of a recipe from a file that may be anything.</summary>
internal static class RecipeText
{
    /// <summary>The largest recipe, in bytes of UTF-8.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>Reads a file as UTF-8, a byte order mark removed.</summary>
    /// <exception cref="RecipeException">It is missing, can't be read, is too large, or is not UTF-8.</exception>
    public static string Load(string path)
    {
        var location = new SourceLocation(path, 0, 0);
        byte[] bytes;
        try
        {
            bytes = ReadAtMost(path, MaxBytes + 1);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new RecipeException(location, "there is no such file, expected a recipe: check the path");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new RecipeException(location, Directory.Exists(path)
                ? "this is a folder, expected a recipe file"
                : $"the recipe can't be read: {exception.Message}");
        }

        CheckSize(bytes.Length, location);
        ReadOnlySpan<byte> text = bytes;
        if (text is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
        {
            throw new RecipeException(location, "this is UTF-16 text, expected UTF-8: save the file as UTF-8");
        }

        text = text is [0xEF, 0xBB, 0xBF, ..] ? text[3..] : text;
        return System.Text.Unicode.Utf8.IsValid(text) ? Encoding.UTF8.GetString(text) : throw NotUtf8(path, text);
    }

    /// <summary>Refuses a text that is too large.</summary>
    public static void CheckSize(int bytes, SourceLocation location)
    {
        if (bytes > MaxBytes)
        {
            throw new RecipeException(location, $"the recipe is larger than {MaxBytes >> 20} MiB, expected a YAML text "
                + "(is this a checkpoint?)");
        }
    }

    /// <summary>Refuses a text that UTF-8 could not hold: half of a surrogate pair without the other.</summary>
    public static void CheckCharacters(string text, string? path)
    {
        int index = LoneSurrogate(text);
        if (index >= 0)
        {
            int line = text.AsSpan(0, index).Count('\n') + 1;
            int column = index - text.LastIndexOf('\n', index);
            throw new RecipeException(new SourceLocation(path, line, column), "half of a surrogate pair stands here, "
                + "expected whole characters");
        }
    }

    /// <summary>The index of the first surrogate without its other half, or -1.</summary>
    public static int LoneSurrogate(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogatePair(text, i))
            {
                i++;
            }
            else if (char.IsSurrogate(text[i]))
            {
                return i;
            }
        }

        return -1;
    }

    // By reading on and not by the length, which pipes don't have.
    private static byte[] ReadAtMost(string path, int limit)
    {
        using FileStream stream = File.OpenRead(path);
        byte[] buffer = new byte[limit];
        int read = stream.ReadAtLeast(buffer, limit, throwOnEndOfStream: false);
        return buffer[..read];
    }

    private static RecipeException NotUtf8(string path, ReadOnlySpan<byte> text)
    {
        int line = 1;
        int column = 1;
        while (Rune.DecodeFromUtf8(text, out Rune rune, out int length) == System.Buffers.OperationStatus.Done)
        {
            (line, column) = rune.Value == '\n' ? (line + 1, 1) : (line, column + 1);
            text = text[length..];
        }

        return new RecipeException(
            new SourceLocation(path, line, column),
            $"byte 0x{text[0]:X2} is not UTF-8, expected a recipe in UTF-8: save the file as UTF-8");
    }
}
