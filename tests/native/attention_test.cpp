// Attention, by tokens and by pages, and what stores its keys and values, against the canonical order written out.
#include "exponential.h"
#include "harness.h"

#include "attention_arguments.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace interfuse;
using namespace interfuse::test;

namespace {

/// Sequences filled to some lengths, of which each one's last position and an earlier one ask.
struct Shape {
    int heads, group, head_length;
    std::vector<int32_t> lengths;
    int32_t window;
};

class Attention {
public:
    Attention(const Shape& shape, std::vector<float> (*values_of)(size_t, uint64_t))
        : shape_(shape), row_(static_cast<int64_t>(shape.heads) * shape.head_length) {
        for (size_t sequence = 0; sequence < shape.lengths.size(); ++sequence) {
            const int32_t length = shape.lengths[sequence];
            starts_.push_back(static_cast<int64_t>(stored_.size()));
            for (int32_t position = 0; position < length; ++position) {
                stored_.push_back(static_cast<int32_t>(sequence));
                stored_positions_.push_back(position);
            }
            for (const int32_t position : {length - 1, length / 2}) {
                asked_.push_back(static_cast<int32_t>(sequence));
                asked_positions_.push_back(position);
            }
            pages_per_sequence_ = std::max<int64_t>(pages_per_sequence_, (length + 127) / 128);
        }
        // In no order: backwards, from one page too far.
        const int64_t pages = pages_per_sequence_ * static_cast<int64_t>(shape.lengths.size());
        for (int64_t page = pages; page > 0; --page) {
            table_.push_back(static_cast<int32_t>(page));
        }
        memory_.assign((pages + 1) * 2 * row_ * 128, NAN);
        keys_ = values_of(stored_.size() * row_, 1);
        values_ = values_of(stored_.size() * row_, 2);
        queries_ = normal_floats(asked_.size() * row_ * shape.group, 3);
    }

    void check(int at_once, int32_t kept, bool by_pages) const {
        const Buffer<float> memory(memory_);
        const Buffer<int32_t> table(table_);
        store(memory, table);

        const Buffer<int32_t> sequences(asked_);
        const Buffer<int32_t> positions(asked_positions_);
        const Buffer<float> queries(queries_);
        const Buffer<float> result(queries_.size());
        const int64_t units = static_cast<int64_t>(asked_.size()) * shape_.heads * ((shape_.group + at_once - 1) / at_once);
        const int32_t most = static_cast<int32_t>(pages_per_sequence_);
        const int64_t of_pages = units * most * at_once;
        const Buffer<float> scores(of_pages * 128);
        const Buffer<float> greatest(of_pages);
        const Buffer<float> totals(of_pages);
        const Buffer<float> sums(of_pages * shape_.head_length);
        AttentionArguments arguments{};
        arguments.at = at(memory, table, sequences, positions);
        arguments.queries = queries.get();
        arguments.result = result.get();
        arguments.scores = scores.get();
        arguments.greatest = greatest.get();
        arguments.totals = totals.get();
        arguments.sums = sums.get();
        arguments.group = shape_.group;
        arguments.window = shape_.window;
        arguments.scale = kScale;
        arguments.pages = by_pages ? most : kept;
        const std::string name = std::to_string(at_once);
        const unsigned element = static_cast<unsigned>(at_once * sizeof(float));
        const unsigned query_bytes = static_cast<unsigned>(shape_.head_length) * element;
        if (by_pages) {
            const unsigned blocks = static_cast<unsigned>(units * most);
            launch(("interfuse_attention_scores_" + name).c_str(), {blocks}, {kPagePositions}, query_bytes, arguments);
            launch(("interfuse_attention_pages_" + name).c_str(), {blocks}, {kPagePositions}, 0, arguments);
            launch(("interfuse_attention_combine_" + name).c_str(), {static_cast<unsigned>(units * at_once)},
                   {kPagePositions}, 0, arguments);
        } else {
            launch(("interfuse_attention_" + name).c_str(), {static_cast<unsigned>(units)}, {kPagePositions},
                   2 * query_bytes + (kept + 2) * kPagePositions * element, arguments);
        }

        std::vector<float> actual = result.download();
        for (float& value : actual) {
            value = canonical(value);
        }
        expect_equal(expected(), actual, "attention_" + name + (by_pages ? " by pages" : " by tokens") + ", heads of " +
                                             std::to_string(shape_.head_length));
    }

private:
    static constexpr float kScale = 0.2f;

    TokenPages at(const Buffer<float>& memory, const Buffer<int32_t>& table, const Buffer<int32_t>& sequences,
                  const Buffer<int32_t>& positions) const {
        return {memory.get(), sequences.get(), positions.get(), table.get(), pages_per_sequence_, shape_.heads,
                shape_.head_length};
    }

    // Stores on the device, and expects exactly the places of what is stored to have changed.
    void store(const Buffer<float>& memory, const Buffer<int32_t>& table) const {
        const Buffer<int32_t> sequences(stored_);
        const Buffer<int32_t> positions(stored_positions_);
        const Buffer<float> keys(keys_);
        const Buffer<float> values(values_);
        const int64_t tokens = static_cast<int64_t>(stored_.size());
        const int64_t tiles = (tokens + kStoreTile - 1) / kStoreTile * shape_.heads *
                              ((shape_.head_length + kStoreTile - 1) / kStoreTile);
        launch("interfuse_store_key_values", {static_cast<unsigned>(tiles)}, {kStoreThreads}, 0,
               StoreKeyValuesArguments{at(memory, table, sequences, positions), keys.get(), values.get(), tokens});

        std::vector<float> expected = memory_;
        for (int64_t token = 0; token < tokens; ++token) {
            const int32_t position = stored_positions_[token];
            const int64_t page = table_[stored_[token] * pages_per_sequence_ + position / 128];
            for (int64_t i = 0; i < row_; ++i) {
                const int64_t head = i / shape_.head_length;
                expected[page * 2 * row_ * 128 + i * 128 + position % 128] = keys_[token * row_ + i];
                expected[(page * 2 + 1) * row_ * 128 + (head * 128 + position % 128) * shape_.head_length +
                         i % shape_.head_length] = values_[token * row_ + i];
            }
        }
        expect_equal(expected, memory.download(), "pages");
    }

    std::vector<float> expected() const {
        std::vector<float> result;
        for (size_t token = 0; token < asked_.size(); ++token) {
            for (int head = 0; head < shape_.heads * shape_.group; ++head) {
                attend(token, head, result);
            }
        }
        return result;
    }

    void attend(size_t token, int head, std::vector<float>& result) const {
        const int length = shape_.head_length;
        const float* query = &queries_[(token * shape_.heads * shape_.group + head) * length];
        const int64_t start = starts_[asked_[token]] * row_ + static_cast<int64_t>(head / shape_.group) * length;
        const int64_t end = static_cast<int64_t>(asked_positions_[token]) + 1;
        const int64_t first = std::max<int64_t>(0, end - shape_.window);
        std::vector<float> weights;
        float greatest = -INFINITY;
        for (int64_t j = first; j < end; ++j) {
            float sum = 0.0f;
            for (int i = 0; i < length; ++i) {
                sum = std::fma(query[i], keys_[start + j * row_ + i], sum);
            }
            weights.push_back(sum * kScale);
            greatest = std::isnan(greatest) || std::isnan(weights.back()) ? NAN : std::max(greatest, weights.back());
        }
        float total = 0.0f;
        std::vector<float> sums(length, 0.0f);
        for (int64_t page = first / 128; page * 128 < end; ++page) {
            float lanes[16] = {};
            std::vector<float> partial(length, 0.0f);
            for (int64_t j = std::max(first, page * 128); j < std::min(end, page * 128 + 128); ++j) {
                const float weight = exponential(weights[j - first] - greatest);
                lanes[j % 16] += weight;
                for (int i = 0; i < length; ++i) {
                    partial[i] = std::fma(weight, values_[start + j * row_ + i], partial[i]);
                }
            }
            for (int half = 8; half > 0; half /= 2) {
                for (int lane = 0; lane < half; ++lane) {
                    lanes[lane] += lanes[lane + half];
                }
            }
            total += lanes[0];
            for (int i = 0; i < length; ++i) {
                sums[i] += partial[i];
            }
        }
        for (const float sum : sums) {
            result.push_back(canonical(sum / total));
        }
    }

    Shape shape_;
    int64_t row_;
    int64_t pages_per_sequence_ = 1;
    std::vector<int64_t> starts_;
    std::vector<int32_t> stored_, stored_positions_, asked_, asked_positions_, table_;
    std::vector<float> memory_, keys_, values_, queries_;
};

constexpr int32_t kNoWindow = std::numeric_limits<int32_t>::max();

void check_all(int at_once, int group) {
    for (const int head_length : {1, 33, 130}) {
        const Attention attention({2, group, head_length, {300, 1, 129}, kNoWindow}, normal_floats);
        for (const int32_t kept : {0, 1, 3}) {
            attention.check(at_once, kept, false);
        }
        attention.check(at_once, 0, true);
    }
    for (const int32_t window : {1, 100, 128, 129, 200}) {
        const Attention attention({1, group, 6, {400, 40}, window}, normal_floats);
        attention.check(at_once, 1, false);
        attention.check(at_once, 0, true);
    }
    const Attention special({1, group, 3, {40, 7, 3, 2, 1}, kNoWindow}, special_floats);
    special.check(at_once, 1, false);
    special.check(at_once, 0, true);
}

const Case one("attention_1: a query head for each key-value head", [] { check_all(1, 1); });
const Case one_by_one("attention_1: query heads one at a time", [] { check_all(1, 3); });
const Case two("attention_2: two query heads", [] { check_all(2, 2); });
const Case four("attention_4: five query heads, four at once", [] { check_all(4, 5); });

}  // namespace
