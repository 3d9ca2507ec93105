// Cuts a stream of messages, one a line, of which pieces arrive. Pure; one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ringway::proxy {

class LineSplitter {
public:
    explicit LineSplitter(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

    // False if a line is too long: nothing that follows can be understood.
    [[nodiscard]] bool feed(std::string_view bytes) {
        const auto end = bytes.rfind('\n');
        const auto tail = end == std::string_view::npos ? rest_.size() - begin_ + bytes.size()
                                                        : bytes.size() - end - 1;
        const auto first = bytes.find('\n');
        const auto whole = first == std::string_view::npos ? 0 : rest_.size() - begin_ + first;
        if (tail > line_bytes_max_ || whole > line_bytes_max_) return false;
        seen_ -= begin_;
        rest_.erase(0, std::exchange(begin_, 0));
        rest_ += bytes;
        return true;
    }

    // The next whole line, without its end; lines without text are left out. It is valid until the
    // next call of feed().
    std::optional<std::string_view> next() {
        for (;;) {
            const auto end = rest_.find('\n', seen_);
            if (end == std::string::npos) {
                seen_ = rest_.size();
                return std::nullopt;
            }
            const std::string_view line(rest_.data() + begin_, end - begin_);
            begin_ = seen_ = end + 1;
            if (line.find_first_not_of(" \t\r") != std::string_view::npos) return line;
        }
    }

private:
    const std::size_t line_bytes_max_;
    std::string rest_;
    std::size_t begin_ = 0;  // of what has not been returned
    std::size_t seen_ = 0;   // no end of a line is between begin_ and here
};

}  // namespace ringway::proxy
