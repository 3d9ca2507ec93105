// Files made to hurt, of every kind that came to mind: each is refused after little of it
// has been read. For the test that counts and the bench that takes the time.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ringway::conf::tests {

struct Hostile {
    std::string_view name;
    std::string_view head;                          // what it begins with
    std::function<std::string(std::size_t)> piece;  // what follows, by its number
    std::string_view tail;                          // what it ends with
};

inline std::string numbered(std::string_view before, std::size_t number, std::string_view after) {
    return std::string(before) + std::to_string(number) + std::string(after);
}

// At most `bytes` of it, and hardly less.
inline std::string make(const Hostile& hostile, std::size_t bytes) {
    std::string text(hostile.head);
    text.reserve(bytes);
    for (std::size_t number = 0;; ++number) {
        const std::string piece = hostile.piece(number);
        if (text.size() + piece.size() + hostile.tail.size() > bytes) break;
        text += piece;
    }
    return text += hostile.tail;
}

inline std::vector<Hostile> hostile_kinds() {
    const auto same = [](std::string text) {
        return [text = std::move(text)](std::size_t) { return text; };
    };
    const auto number = [](std::string_view before, std::string_view after) {
        return [=](std::size_t n) { return numbered(before, n, after); };
    };
    const std::string_view top =
        "version: 1\nlisteners: [{name: a, bind: \"0.0.0.0:80\", pool: p}]\n";
    const std::string_view pool =
        "version: 1\nlisteners: [{name: a, bind: \"0.0.0.0:80\", pool: p}]\npools:\n  p:\n";
    const std::string_view servers =
        "version: 1\nlisteners: [{name: a, bind: \"0.0.0.0:80\", pool: p}]\n"
        "pools:\n  p:\n    servers:\n";
    const std::string_view certificates =
        "version: 1\nlisteners:\n  - tls:\n        certificates:\n";
    return {
        {"unknown entries at the top", top, number("k", ": 1\n"), ""},
        {"one entry again and again", "", same("version: 1\n"), ""},
        {"unknown entries of a pool", pool, number("    k", ": 1\n"), ""},
        {"unknown entries of a server", servers,
         [](std::size_t n) {
             return n == 0 ? std::string("      - id: a\n        address: 10.0.0.1:80\n")
                           : numbered("        k", n, ": 1\n");
         },
         ""},
        {"servers with a wrong address", servers, number("      - {id: s", ", address: x}\n"), ""},
        {"servers without an id", servers, same("      - {address: \"10.0.0.1:80\"}\n"), ""},
        {"servers that are numbers", servers, same("    - 1\n"), ""},
        {"one server again and again", servers, same("      - {id: a, address: \"10.0.0.1:80\"}\n"),
         ""},
        {"pools with unknown entries", "version: 1\npools:\n", number("  p", ": {x: 1}\n"), ""},
        {"one pool again and again", "version: 1\npools:\n", same("  p: {}\n"), ""},
        {"pools with impossible names", "version: 1\npools:\n", number("  a/", ": {}\n"), ""},
        {"pools without end", "version: 1\npools:\n", number("  p", ": {}\n"), ""},
        {"listeners with errors", "version: 1\nlisteners:\n", number("  - {name: l", "}\n"), ""},
        {"listeners that are numbers", "version: 1\nlisteners:\n", same("  - 1\n"), ""},
        {"networks without end", "version: 1\nlisteners:\n  - proxy_protocol:\n      trusted:\n",
         same("      - 10.0.0.0/8\n"), ""},
        {"certificates with a wrong path", certificates,
         number("          - {chain: c", ", key: /k}\n"), ""},
        {"one certificate again and again", certificates,
         same("          - {chain: /c, key: /k}\n"), ""},
        {"certificates that are numbers", certificates, same("          - 1\n"), ""},
        {"protocols without end", "version: 1\nlisteners:\n  - tls:\n      alpn:\n",
         number("        - p", "\n"), ""},
        {"protocols of a pool without end", "version: 1\npools:\n  p:\n    tls:\n      alpn:\n",
         number("        - p", "\n"), ""},
        {"an unknown list", "version: 1\nzzz:\n", same("  - 1\n"), ""},
        {"an unknown list of lists", "version: 1\nzzz:\n", same("  - [1, 2, 3]\n"), ""},
        {"an unknown list in a pool", pool, same("    - 1\n"), ""},
        {"[ 1, 1, 1, ...", "version: 1\nzzz: [", same("1,"), "1]\n"},
        {"{ a: 1, b: 1, ...", "{", number("k", ": 1, "), "z: 1}\n"},
        {"[ on one line, lists in it", "version: 1\nzzz: [", same("[1,2,3],"), "1]\n"},
        {"servers in one [...]", "version: 1\npools: {p: {servers: [",
         same("{id: a, address: \"10.0.0.1:80\"},\n"), "]}}\n"},
        {"brackets without end", "", same("["), ""},
        {"braces without end", "a: ", same("{a: "), ""},
        {"dashes without end", "", same("- "), ""},
        {"question marks without end", "", same("? "), ""},
        {"brackets hidden in quotes", "", same("[']]]',"), ""},
        {"keys that are lists", "", same("? [1, 2]\n: 1\n"), ""},
        {"anchors", "version: 1\nzzz:\n", number("  - &a", " 1\n"), ""},
        {"aliases", "version: &a 1\nzzz:\n", same("  - *a\n"), ""},
        {"tags", "version: 1\nzzz:\n", same("  - !!int 1\n"), ""},
        {"documents", "", same("---\n"), ""},
        {"directives", "", number("%D", " x\n"), ""},
        {"comments", "", same("# nothing to see here\n"), ""},
        {"one long comment", "#", same("xxxxxxxxxxxxxxxx"), ""},
        {"empty lines", "", same("\n"), ""},
        {"blanks", "a:", same("        "), ""},
        {"a plain text", "workers: x", same(" xxxxxxxx"), ""},
        {"a plain text of many lines", "workers: x\n", same("  xxxxxxxx\n"), ""},
        {"a quoted text", "workers: \"", same("xxxxxxxx"), "\"\n"},
        {"a quoted text of escapes", "workers: \"", same("\\x41\\x41"), "\"\n"},
        {"a quoted text without end", "workers: '", same("xxxxxxxx"), ""},
        {"a block of text", "workers: |\n", same("  xxxxxxxx\n"), ""},
        {"a folded text", "workers: >\n", same("  xxxxxxxx\n\n"), ""},
        {"long keys", "", [](std::size_t n) { return numbered(std::string(900, 'k'), n, ": 1\n"); },
         ""},
        {"one long key", "", same("kkkkkkkkkkkkkkkk"), ": 1\n"},
        {"a byte that is no text, at the end", "", same("# xxxxxxxx\n"), "\xff"},
        {"a control character at the end", "", same("# xxxxxxxx\n"), "\x01"},
        {"lines with tabs", "", same("a\t\n"), ""},
        {"comments behind tabs", "", same(" \t# x\n"), ""},
        {"lines as on Windows", "", same("# x\r\n"), ""},
        {"letters of three bytes", "#", same("\xE7\x8E\xAF"), ""},
        {"colons", "", same(": "), ""},
        {"empty items", "zzz:\n", same("-\n"), ""},
    };
}

}  // namespace ringway::conf::tests
