// What a simulated peer sends: an opening, then bytes of which any run of a few tells where it
// belongs. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace ringway::simulation::data {

class Text {
public:
    Text() = default;
    // Two texts of different `start` have nothing in common beyond their openings.
    Text(std::string opening, std::uint64_t start) : opening_(std::move(opening)), start_(start) {}

    const std::string& opening() const { return opening_; }

    // The bytes from `at` on, `size` of them.
    void copy(std::uint64_t at, char* to, std::size_t size) const;
    bool matches(std::uint64_t at, const char* bytes, std::size_t size) const;

private:
    // Calls use(bytes, size) for each run that lies together in memory; stops where it says false.
    template <class Use>
    bool each_run(std::uint64_t at, std::size_t size, Use use) const;

    std::string opening_;
    std::uint64_t start_ = 0;
};

}  // namespace ringway::simulation::data
