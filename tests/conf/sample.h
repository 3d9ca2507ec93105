// A small valid configuration with a free line in each part, for tests that care
// about one entry at a time.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "conf/config.h"

namespace ringway::conf::tests {

// Lines to be put into the sample. Each has a fixed place: top is line 2, column 1;
// listener line 7, column 5; pool line 10, column 5; server line 14, column 9.
struct Extra {
    std::string_view top;
    std::string_view listener;
    std::string_view pool;
    std::string_view server;
};

inline std::string sample(const Extra& extra = {}) {
    std::string text = "version: 1\n";
    text.append(extra.top).append("\nlisteners:\n  - name: web\n    bind: 0.0.0.0:80\n");
    text.append("    pool: main\n    ").append(extra.listener);
    text.append("\npools:\n  main:\n    ").append(extra.pool);
    text.append("\n    servers:\n      - id: s1\n        address: 10.0.0.1:80\n        ");
    return text.append(extra.server).append("\n");
}

// "line:column: path: message" of every error, one a line; empty for a good file.
inline std::string errors_of(std::string_view yaml) {
    const auto result = parse(yaml);
    std::string text;
    if (result) return text;
    for (const auto& error : result.error()) {
        const auto line = error.to_string("");
        text += line.starts_with(": ") ? line.substr(2) : line.substr(1);
        text += '\n';
    }
    return text;
}

// The configuration; throws with its errors where there are any.
inline Config config_of(std::string_view yaml) {
    auto result = parse(yaml);
    if (!result) throw std::runtime_error(errors_of(yaml));
    return std::move(*result);
}

// The text of a file; throws where it cannot be read.
inline std::string text_at(const std::string& path) {
    auto text = read_file(path);
    if (!text) throw std::runtime_error(text.error().to_string(path));
    return std::move(*text);
}

}  // namespace ringway::conf::tests
