#include "proxy/text/admin_line.h"

#include <optional>

namespace ringway::proxy {

namespace {

constexpr char hex_digits[] = "0123456789abcdef";

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

std::optional<unsigned> hex_value(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
    return std::nullopt;
}

void append_hex_escape(std::string& out, char c) {
    const auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out += hex_digits[byte >> 4];
    out += hex_digits[byte & 0xf];
}

template <class T>
using Taken = Result<T, AdminLineError>;

// Reads one argument at a time from the front of a line.
class Splitter {
public:
    explicit Splitter(std::string_view line) : line_(line) {}

    Taken<std::vector<std::string>> run() {
        std::vector<std::string> words;
        for (skip_blanks(); at_ < line_.size(); skip_blanks()) {
            auto word = line_[at_] == '"' ? take_quoted() : take_bare();
            if (!word) return word.error();
            words.push_back(std::move(*word));
        }
        return words;
    }

private:
    void skip_blanks() {
        while (at_ < line_.size() && is_blank(line_[at_])) ++at_;
    }

    static AdminLineError failed(std::size_t offset, std::string_view why) {
        std::string message = "column " + std::to_string(offset + 1) + ": ";
        message += why;
        return {offset + 1, std::move(message)};
    }

    Taken<std::string> take_bare() {
        std::string word;
        while (at_ < line_.size() && !is_blank(line_[at_])) {
            if (line_[at_] == '"') return failed(at_, "a quote inside a word; write it as \\\"");
            const auto byte = take_byte();
            if (!byte) return byte.error();
            word += *byte;
        }
        return word;
    }

    Taken<std::string> take_quoted() {
        std::string word;
        const std::size_t opened = at_++;
        while (at_ < line_.size() && line_[at_] != '"') {
            const auto byte = take_byte();
            if (!byte) return byte.error();
            word += *byte;
        }
        if (at_ == line_.size()) return failed(opened, "a quote that is never closed");
        ++at_;
        if (at_ < line_.size() && !is_blank(line_[at_])) {
            return failed(at_, "expected a blank after the closing quote");
        }
        return word;
    }

    // One byte of an argument, plain or escaped.
    Taken<char> take_byte() {
        const char c = line_[at_];
        if (c == '\\') return take_escape();
        if (is_control(c) && c != '\t') return failed(at_, "a control byte; write it as \\xNN");
        ++at_;
        return c;
    }

    Taken<char> take_escape() {
        const std::string_view rest = line_.substr(at_ + 1);
        if (rest.starts_with('"') || rest.starts_with('\\')) {
            at_ += 2;
            return rest[0];
        }
        if (rest.size() >= 3 && rest[0] == 'x') {
            const auto high = hex_value(rest[1]);
            const auto low = hex_value(rest[2]);
            if (high && low) {
                at_ += 4;
                return static_cast<char>(*high << 4 | *low);
            }
        }
        return failed(at_, "an unknown escape; the escapes are \\\", \\\\ and \\xNN");
    }

    std::string_view line_;
    std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<std::string>, AdminLineError> split_admin_line(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return Splitter(line).run();
}

std::string quote_word(std::string_view word) {
    std::string out;
    bool quoted = word.empty();
    for (const char c : word) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (is_control(c) || static_cast<unsigned char>(c) >= 0x80) {
            append_hex_escape(out, c);
        } else {
            quoted |= c == ' ';
            out += c;
        }
    }
    return quoted ? '"' + out + '"' : out;
}

std::string join_admin_line(std::span<const std::string> words) {
    std::string line;
    for (const std::string& word : words) {
        if (!line.empty()) line += ' ';
        line += quote_word(word);
    }
    return line;
}

std::string printable(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
        if (is_control(c)) {
            append_hex_escape(out, c);
        } else {
            out += c;
        }
    }
    return out;
}

}  // namespace ringway::proxy
