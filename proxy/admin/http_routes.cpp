#include "proxy/admin/http_routes.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "conf/text.h"
#include "proxy/admin/page_files.h"
#include "proxy/text/escape.h"

namespace ringway::proxy {

namespace {

using conf::split;
using std::string_view;
using Routed = Result<HttpQuestion, HttpRefusal>;
using Query = std::map<std::string, std::string>;

constexpr std::size_t shown_bytes = 128;  // of an unknown parameter

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return std::nullopt;
}

// RFC 3986, 2.1; nothing where a percent sign is not followed by two hex digits.
std::optional<std::string> percent_decoded(string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            bytes += text[i];
            continue;
        }
        if (text.size() - i < 3) return std::nullopt;
        const auto high = hex_digit(text[i + 1]);
        const auto low = hex_digit(text[i + 2]);
        if (!high || !low) return std::nullopt;
        bytes += static_cast<char>(*high << 4 | *low);
        i += 2;
    }
    return bytes;
}

HttpRefusal bad_request(std::string reason) {
    return {400, std::move(reason)};
}

HttpRefusal not_found(string_view path) {
    return {404, fmt::format("no such path: {}", escaped(path.substr(0, shown_bytes)))};
}

// The target without the scheme and authority that a client may put before it (RFC
// 9112, 3.2.2).
string_view origin_form(string_view target) {
    constexpr string_view scheme = "http://";
    if (!target.starts_with(scheme)) return target;
    const auto path = target.find_first_of("/?", scheme.size());
    return path == string_view::npos ? "/" : target.substr(path);
}

// The parameters of a query, each once.
Result<Query, HttpRefusal> read_query(string_view text) {
    Query query;
    for (const string_view part : split(text, '&')) {
        const auto equals = part.find('=');
        const auto name = percent_decoded(part.substr(0, equals));
        const auto value =
            percent_decoded(equals == string_view::npos ? "" : part.substr(equals + 1));
        if (!name || !value)
            return bad_request("a percent sign must be followed by two hex digits");
        if (!query.emplace(*name, *value).second) {
            return bad_request(fmt::format("the parameter \"{}\" is given twice",
                                           escaped(name->substr(0, shown_bytes))));
        }
    }
    return query;
}

bool is_page_file(string_view name) {
    return std::ranges::any_of(page_files(),
                               [&](const PageFile& file) { return file.name == name; });
}

std::optional<HttpPage> plain_page(string_view path) {
    if (path == "/" || is_page_file(path.substr(1))) return HttpPage::file;
    if (path == "/metrics") return HttpPage::metrics;
    if (path == "/healthz") return HttpPage::health;
    if (path == "/readyz") return HttpPage::readiness;
    if (path == "/v1/status") return HttpPage::status;
    if (path == "/v1/events") return HttpPage::events;
    if (path == "/v1/certificates") return HttpPage::certificates;
    if (path == "/v1/fleet") return HttpPage::fleet;
    return std::nullopt;
}

// "/v1/pools/POOL/..."
Routed route_pool(string_view path) {
    const auto parts = split(path, '/');
    if (parts.size() < 5 || parts.size() > 6 || parts[1] != "v1" || parts[2] != "pools") {
        return not_found(path);
    }
    const auto pool = percent_decoded(parts[3]);
    const auto server = percent_decoded(parts.size() == 6 ? parts[5] : "");
    if (!pool || !server) return bad_request("a percent sign must be followed by two hex digits");
    HttpQuestion question{.pool = *pool, .server = *server};
    if (parts.size() == 6) {
        if (parts[4] != "servers" || server->empty()) return not_found(path);
        question.page = HttpPage::server;
    } else if (parts[4] == "servers") {
        question.page = HttpPage::servers;
    } else if (parts[4] == "explain") {
        question.page = HttpPage::explain;
    } else if (parts[4] == "ring") {
        question.page = HttpPage::ring;
    } else {
        return not_found(path);
    }
    return question;
}

bool has_parameters(HttpPage page) {
    return page == HttpPage::explain || page == HttpPage::events;
}

// Moves the parameters of the query into the question.
Result<void, HttpRefusal> take_parameters(HttpQuestion& question, Query query) {
    if (question.page == HttpPage::explain) {
        const auto key = query.find("key");
        if (key == query.end()) return bad_request("explain needs a key: explain?key=KEY");
        question.key = std::move(key->second);
        query.erase(key);
    }
    if (const auto n = query.find("n"); question.page == HttpPage::events && n != query.end()) {
        const std::string& text = n->second;
        const char* const end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data(), end, question.count);
        if (error != std::errc() || rest != end || question.count == 0) {
            return bad_request("n must be a whole number of at least 1");
        }
        query.erase(n);
    }
    if (query.empty()) return {};
    const std::string& unknown = query.begin()->first;
    return bad_request(
        fmt::format("unknown parameter \"{}\"", escaped(unknown.substr(0, shown_bytes))));
}

}  // namespace

Routed route_http(string_view target) {
    target = origin_form(target);
    const auto mark = target.find('?');
    const string_view path = target.substr(0, mark);
    if (!path.starts_with('/') && !path.empty()) return bad_request("a target begins with /");
    HttpQuestion question;
    const string_view asked = path.empty() ? "/" : path;
    if (const auto page = plain_page(asked)) {
        question = {.page = *page, .file = std::string(asked)};
    } else {
        auto routed = route_pool(asked);
        if (!routed) return routed;
        question = std::move(*routed);
    }
    if (!has_parameters(question.page)) return question;
    Result<Query, HttpRefusal> query;
    if (mark != string_view::npos) query = read_query(target.substr(mark + 1));
    if (!query) return query.error();
    if (auto taken = take_parameters(question, std::move(*query)); !taken) return taken.error();
    return question;
}

}  // namespace ringway::proxy
