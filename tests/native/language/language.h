// What the language kernels are given.
#pragma once

#include "simt.cuh"

struct LanguageArguments {
    unsigned* words;
    unsigned long long* longs;
};
static_assert(sizeof(LanguageArguments) == 16, "two pointers");
