// All keys of a prefix, read in pages of one revision. Pure; one thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/etcd/json_gateway.h"

namespace ringway::proxy {

struct EtcdSnapshot {
    EtcdHeader header;  // of the revision that all keys are of
    std::vector<EtcdKeyValue> keys;
};

class RangeReader {
public:
    RangeReader(std::string prefix, std::size_t page_keys)
        : prefix_(std::move(prefix)), from_(prefix_), page_keys_(page_keys) {}

    // For the next page.
    std::string request() const;
    // Takes its answer. Whether it was the last.
    EtcdResult<bool> take(std::string_view answer);
    // After the last.
    EtcdSnapshot& snapshot() { return snapshot_; }

private:
    // Of keys and values in all.
    static constexpr std::size_t bytes_max = 256 << 20;

    const std::string prefix_;
    std::string from_;
    const std::size_t page_keys_;
    std::size_t bytes_ = 0;
    EtcdSnapshot snapshot_;
};

}  // namespace ringway::proxy
