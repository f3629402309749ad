// interfuse_dot_* and interfuse_magnitude_sums_* against sums in the canonical order.
#include "tensors.h"

using namespace interfuse;
using namespace interfuse::test;

namespace {

constexpr size_t kTile = 65536;
constexpr size_t kBlock = 1024;

/// The sum of `term(i)` for the elements of a tile, in the canonical order.
template <class Term>
double tile_sum(size_t begin, size_t end, const Term& term) {
    double total = 0;
    for (size_t block = begin; block < end; block += kBlock) {
        double lanes[16] = {};
        for (size_t i = block; i < std::min(block + kBlock, end); ++i) {
            lanes[(i - block) % 16] += term(i);
        }
        for (int half = 8; half > 0; half /= 2) {
            for (int lane = 0; lane < half; ++lane) {
                lanes[lane] += lanes[lane + half];
            }
        }
        total += lanes[0];
    }
    return total;
}

/// NaNs differ in payload; of them it is enough that both are.
void expect_sums(const std::vector<double>& expected, std::vector<double> actual, const std::string& what) {
    for (size_t i = 0; i < expected.size(); ++i) {
        if (std::isnan(expected[i]) && std::isnan(actual[i])) {
            actual[i] = expected[i];
        }
    }
    expect_equal(expected, actual, what);
}

using Floats = std::vector<float> (*)(size_t, uint64_t);

void dot(int32_t a_type, int32_t b_type, size_t length, size_t offset, Floats floats) {
    const Tensor a(floats(length, 1), a_type, offset);
    const Tensor b(floats(length, 2), b_type, offset);
    const size_t tiles = (length + kTile - 1) / kTile;
    const Buffer<double> sums(3 * tiles);
    std::vector<double> expected;
    for (size_t begin = 0; begin < length; begin += kTile) {
        const size_t end = std::min(begin + kTile, length);
        const auto product = [](const Tensor& x, const Tensor& y) {
            return [&x, &y](size_t i) { return static_cast<double>(x.values[i]) * static_cast<double>(y.values[i]); };
        };
        expected.push_back(tile_sum(begin, end, product(a, a)));
        expected.push_back(tile_sum(begin, end, product(b, b)));
        expected.push_back(tile_sum(begin, end, product(a, b)));
    }
    const std::string kernel = "interfuse_dot_" + type_name({a_type, b_type});
    launch(kernel.c_str(), {static_cast<unsigned>(tiles)}, {128}, 0,
           DotArguments{a.get(), b.get(), static_cast<int64_t>(length), sums.get(), a_type, b_type,
                        a.is_aligned() && b.is_aligned(), 0});
    expect_sums(expected, sums.download(), kernel + " of " + std::to_string(length));
}

const Case dots("dot: types, lengths, offsets", [] {
    for (size_t length : {size_t{1}, size_t{17}, size_t{1024}, size_t{1100}, size_t{65536}, size_t{200003}}) {
        for (size_t offset : {size_t{0}, size_t{1}}) {
            dot(kBFloat16, kBFloat16, length, offset, normal_floats);
            dot(kFloat16, kFloat16, length, offset, normal_floats);
            dot(kFloat32, kFloat32, length, offset, normal_floats);
            dot(kBFloat16, kFloat64, length, offset, normal_floats);
        }
    }
    dot(kFloat32, kFloat32, 3000, 0, special_floats);
});

void magnitude_sums(int32_t type, int32_t base_type, size_t length, size_t offset, int thinning, Floats floats) {
    Random random(length);
    const Tensor base(floats(length, 1), base_type, offset);
    const Tensor expert(floats(length, 2), type, offset);
    const size_t tiles = (length + kTile - 1) / kTile;
    const Buffer<double> sums(2 * tiles);
    TaskTerm term = term_of(expert, 3.0f);
    thin_as(thinning, length, random, term);
    constexpr int64_t kFirst = int64_t{1} << 33;
    std::vector<double> expected;
    for (size_t begin = 0; begin < length; begin += kTile) {
        const size_t end = std::min(begin + kTile, length);
        const auto delta = [&](size_t i) { return expert.values[i] - base.values[i]; };
        expected.push_back(tile_sum(begin, end, [&](size_t i) { return static_cast<double>(std::fabs(delta(i))); }));
        expected.push_back(tile_sum(begin, end, [&](size_t i) {
            return static_cast<double>(std::fabs(thinned(term, i, kFirst, delta(i))));
        }));
    }
    const std::string kernel = "interfuse_magnitude_sums_" + type_name({base_type, type});
    launch(kernel.c_str(), {static_cast<unsigned>(tiles)}, {128}, 0,
           MagnitudeSumsArguments{base.get(), static_cast<int64_t>(length), kFirst, sums.get(), term, base_type,
                                  base.is_aligned() && expert.is_aligned() && is_finite(term)});
    expect_sums(expected, sums.download(), kernel + " of " + std::to_string(length));
}

const Case magnitudes("magnitude sums: types, lengths, thinning", [] {
    for (size_t length : {size_t{1}, size_t{1029}, size_t{131072}, size_t{70001}}) {
        for (int thinning = 0; thinning < 6; ++thinning) {
            magnitude_sums(kBFloat16, kBFloat16, length, 0, thinning, normal_floats);
            magnitude_sums(kFloat16, kFloat16, length, thinning % 2, thinning, normal_floats);
            magnitude_sums(kFloat32, kBFloat16, length, 0, thinning, normal_floats);
        }
    }
    magnitude_sums(kFloat32, kFloat32, 3000, 0, 1, tied_floats);
});

}  // namespace
