// What tests in the same process ask of the driver: faults, and what has not been freed.
#include "context.h"
#include "event.h"
#include "faults.h"
#include "memory.h"
#include "module.h"
#include "settings.h"
#include "stream.h"

#include <cstring>

using namespace interfuse::driver;

void interfuse_software_fault(const char* faults) {
    Faults::instance().replace(faults);
    for (int device = 0; device < settings().devices; ++device) {
        context_of(device)->clear_failure();
    }
}

int64_t interfuse_software_live(const char* kind) {
    if (kind == nullptr) {
        return -1;
    }
    int64_t retains = 0;
    for (int device = 0; device < settings().devices; ++device) {
        retains += context_of(device)->retains();
    }
    const struct {
        const char* kind;
        int64_t live;
    } counts[] = {
        {"device_memory", static_cast<int64_t>(device_memory().size())},
        {"host_memory", static_cast<int64_t>(host_memory().size())},
        {"stream", static_cast<int64_t>(streams().size())},
        {"event", static_cast<int64_t>(events().size())},
        {"module", static_cast<int64_t>(modules().size())},
        {"context", retains},
    };
    for (const auto& count : counts) {
        if (std::strcmp(count.kind, kind) == 0) {
            return count.live;
        }
    }
    return -1;
}
