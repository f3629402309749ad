// synthetic_model FOLDER PARAMETERS: a base model and three fine-tunes of it, of about PARAMETERS bfloat16 numbers each,
// for merges of real size on a machine that has no models. The numbers depend on nothing but PARAMETERS.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr int64_t kColumns = 4096;
constexpr int64_t kRowsOfATensor = 11008;

struct Tensor {
    std::string name;
    int64_t rows;
};

// The state is a counter, so that any element could be made without the ones before it.
uint64_t mix(uint64_t x) {
    x += 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

// About normal: four uniform numbers of 16 bits each, of variance one.
float draw(uint64_t seed, uint64_t element) {
    uint64_t bits = mix(seed ^ mix(element));
    float sum = 0;
    for (int i = 0; i < 4; i++) {
        sum += static_cast<float>((bits >> (16 * i)) & 0xFFFF) / 65536.0f - 0.5f;
    }
    return sum * 1.7320508f;
}

uint16_t to_bfloat16(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

std::string header_of(const std::vector<Tensor>& tensors) {
    std::string json = "{";
    int64_t offset = 0;
    for (const Tensor& tensor : tensors) {
        int64_t end = offset + tensor.rows * kColumns * 2;
        json += (offset == 0 ? "\"" : ",\"") + tensor.name + R"(":{"dtype":"BF16","shape":[)" + std::to_string(tensor.rows)
            + "," + std::to_string(kColumns) + R"(],"data_offsets":[)" + std::to_string(offset) + ","
            + std::to_string(end) + "]}";
        offset = end;
    }
    json += "}";
    json.resize((json.size() + 7) / 8 * 8, ' ');
    return json;
}

// Fine-tune 0 is the base itself. A fine-tune moves every third element, by a fifth of the base's spread.
void write_model(const std::filesystem::path& folder, const std::vector<Tensor>& tensors, uint64_t fine_tune) {
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "config.json")
        << "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", \"torch_dtype\": \"bfloat16\"}\n";

    std::ofstream file(folder / "model.safetensors", std::ios::binary);
    std::string header = header_of(tensors);
    uint64_t length = header.size();
    file.write(reinterpret_cast<const char*>(&length), sizeof(length));
    file << header;

    uint64_t element = 0;
    std::vector<uint16_t> row(kColumns);
    for (const Tensor& tensor : tensors) {
        for (int64_t r = 0; r < tensor.rows; r++) {
            for (uint16_t& stored : row) {
                float value = 0.02f * draw(1, element);
                if (fine_tune != 0 && mix(element * 7 + fine_tune) % 3 == 0) {
                    value += 0.004f * draw(1000 + fine_tune, element);
                }
                stored = to_bfloat16(value);
                element++;
            }
            file.write(reinterpret_cast<const char*>(row.data()), kColumns * 2);
        }
    }
    file.flush();
    if (!file) {
        throw std::runtime_error("could not write " + (folder / "model.safetensors").string());
    }
}

}  // namespace

int main(int argc, char** argv) {
    int64_t parameters = argc == 3 ? std::atoll(argv[2]) : 0;
    if (parameters < kColumns) {
        std::fprintf(stderr, "Usage: synthetic_model FOLDER PARAMETERS (4096 or more)\n");
        return 2;
    }

    std::vector<Tensor> tensors;
    for (int64_t rows = parameters / kColumns; rows > 0; rows -= kRowsOfATensor) {
        std::string name = "model.layers." + std::to_string(tensors.size()) + ".mlp.up_proj.weight";
        tensors.push_back({name, std::min(rows, kRowsOfATensor)});
    }

    try {
        const char* names[] = {"base", "one", "two", "three"};
        std::vector<std::future<void>> writers;
        for (uint64_t model = 0; model < 4; model++) {
            std::filesystem::path folder = std::filesystem::path(argv[1]) / names[model];
            writers.push_back(std::async(std::launch::async, [=, &tensors] { write_model(folder, tensors, model); }));
        }
        for (std::future<void>& writer : writers) {
            writer.get();
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "synthetic_model: %s\n", error.what());
        return 1;
    }
    return 0;
}
