// Streams of bytes in which every position is different from every other, so that received bytes
// are checked without keeping those that were sent. Any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <string_view>

namespace ringway::test {

class Noise {
public:
    explicit Noise(std::uint64_t stream) : start_(stream % period) {}

    // The bytes from `offset` on.
    void fill(std::uint64_t offset, std::span<char> out) const {
        each_run(offset, out.size(), [&](std::size_t done, std::string_view run) {
            std::memcpy(out.data() + done, run.data(), run.size());
            return true;
        });
    }

    // Whether `bytes` are those from `offset` on.
    bool matches(std::uint64_t offset, std::string_view bytes) const {
        return each_run(offset, bytes.size(), [&](std::size_t done, std::string_view run) {
            return bytes.substr(done, run.size()) == run;
        });
    }

    std::string text(std::uint64_t offset, std::size_t size) const {
        std::string bytes(size, '\0');
        fill(offset, bytes);
        return bytes;
    }

private:
    // A prime, so that no chunk size runs in step with it.
    static constexpr std::size_t period = 1'048'573;

    static const std::string& table() {
        static const std::string bytes = [] {
            std::mt19937_64 random(1);
            std::string made(period, '\0');
            for (char& byte : made) byte = static_cast<char>(random());
            return made;
        }();
        return bytes;
    }

    template <class F>
    bool each_run(std::uint64_t offset, std::size_t size, F visit) const {
        for (std::size_t done = 0; done < size;) {
            const std::size_t at = (start_ + offset + done) % period;
            const std::size_t length = std::min(size - done, period - at);
            if (!visit(done, std::string_view(table()).substr(at, length))) return false;
            done += length;
        }
        return true;
    }

    const std::uint64_t start_;
};

}  // namespace ringway::test
