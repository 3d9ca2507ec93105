// Reads big-endian numbers and length-prefixed fields, as TLS and the PROXY protocol use them.
// After the first that does not fit, ok() is false and everything reads as zero or empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringway::proxy {

class ByteReader {
public:
    explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

    bool ok() const { return ok_; }
    bool empty() const { return rest_.empty(); }
    std::string_view rest() const { return rest_; }

    // An unsigned number of `size` bytes, four at most.
    std::uint32_t number(std::size_t size) {
        std::uint32_t value = 0;
        for (const char c : bytes(size)) value = value << 8 | static_cast<unsigned char>(c);
        return value;
    }
    std::string_view bytes(std::size_t size) {
        ok_ = ok_ && size <= rest_.size();
        if (!ok_) {
            rest_ = {};
            return {};
        }
        const auto taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    // A field after its length, which is a number of `length_size` bytes.
    std::string_view field(std::size_t length_size) { return bytes(number(length_size)); }

private:
    std::string_view rest_;
    bool ok_ = true;
};

}  // namespace ringway::proxy
