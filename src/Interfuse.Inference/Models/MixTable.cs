using Interfuse.Experts;

namespace Interfuse.Inference.Models;

/// <summary>
/// The numbers by which a decoder's small tables know what sequences ask for: an expert has its own, the shared model N,
/// and mixtures those from N + 1 on, for as long as a sequence has them.
/// </summary>
/// <param name="experts">N.</param>
internal sealed class MixTable(int experts)
{
    /// <summary>The most mixtures that sequences may have at once.</summary>
    public const int MaxMixtures = 64;

    private readonly Dictionary<ExpertMix, int> _numbers = [];
    private readonly List<Slot> _slots = [];

    // Those nobody has, the one that was given back first at the front. They keep their mixture until another needs the place.
    private readonly List<int> _free = [];

    /// <summary>The most numbers there may be.</summary>
    public static int MostFor(int experts) => experts + 1 + MaxMixtures;

    /// <summary>Takes the number of a mixture, once more for every sequence that has it.</summary>
    /// <param name="mix">What the sequence asks for.</param>
    /// <param name="isNew">Whether the number stood for something else, or nothing, until now.</param>
    /// <returns>The number, or -1 where too many are taken.</returns>
    public int Take(ExpertMix mix, out bool isNew)
    {
        isNew = false;
        if (mix.IsSingle || mix.IsShared)
        {
            return mix.IsSingle ? mix.Expert : experts;
        }

        if (_numbers.TryGetValue(mix, out int number))
        {
            if (_slots[SlotOf(number)].Sequences++ == 0)
            {
                _free.Remove(number);
            }

            return number;
        }

        number = FreeNumber();
        if (number >= 0)
        {
            isNew = true;
            _numbers.Add(mix, number);
            _slots[SlotOf(number)].Mix = mix;
            _slots[SlotOf(number)].Sequences = 1;
        }

        return number;
    }

    /// <summary>Gives a number back, once for every time it was taken.</summary>
    public void Return(int number)
    {
        if (number > experts && --_slots[SlotOf(number)].Sequences == 0)
        {
            _free.Add(number);
        }
    }

    /// <summary>Gives a number back that was new and has come to nothing.</summary>
    public void Forget(int number)
    {
        Slot slot = _slots[SlotOf(number)];
        _numbers.Remove(slot.Mix!);
        slot.Mix = null;
        slot.Sequences = 0;
        _free.Insert(0, number);
    }

    private int SlotOf(int number) => number - experts - 1;

    private int FreeNumber()
    {
        if (_free.Count > 0)
        {
            int number = _free[0];
            _free.RemoveAt(0);
            if (_slots[SlotOf(number)].Mix is { } old)
            {
                _numbers.Remove(old);
            }

            return number;
        }

        if (_slots.Count == MaxMixtures)
        {
            return -1;
        }

        _slots.Add(new Slot());
        return experts + _slots.Count;
    }

    private sealed class Slot
    {
        public ExpertMix? Mix { get; set; }

        public int Sequences { get; set; }
    }
}
