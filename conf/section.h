// One map of the configuration file as a table of its entries: each call names an entry, its kind
// and its bounds, and puts a good value where it belongs. Every misfit is reported with its
// position, and reading continues.
//
//     Section section(value);
//     section.integer("vnodes", hash.vnodes, 1, 65'536);
//     section.finish();
//
// One thread; everything here must not outlive the Node that it was made from.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/config.h"
#include "conf/yaml.h"

namespace ringway::conf {

// "line:column"
std::string to_string(Position position);

// The way from the root to an entry. Chained, so that it is only put together
// for an error. An outer path must outlive the inner one.
struct Path {
    const Path* outer = nullptr;
    std::string_view name;             // of a map's entry; empty for a list's
    std::optional<std::size_t> index;  // of a list's entry, from 0
    std::string to_string() const;
};

// Collects errors: the first 100 of them, and the number of the rest.
class Report {
public:
    void add(Position position, const Path& path, std::string message);
    void add(Errors errors);
    bool empty() const { return errors_.empty() && !cut_; }
    // No further error will be kept.
    bool full() const { return errors_.size() >= errors_max; }
    // ", did you mean X?" where a known name is near `word`. Empty for errors that are not kept:
    // with many of them the search would take long.
    std::string did_you_mean(std::string_view word,
                             const std::vector<std::string_view>& known) const;
    std::size_t count() const { return errors_.size() + left_out_; }
    // The file was not read to its end; reported after all errors.
    void cut(Error why) { cut_ = std::move(why); }
    // In file order.
    Errors take();

private:
    static constexpr std::size_t errors_max = 100;
    Errors errors_;
    std::size_t left_out_ = 0;
    std::optional<Error> cut_;
};

// What a duration may be.
struct DurationRule {
    Duration min{1};
    Duration max = std::chrono::hours{24};
    std::string_view examples = "500ms, 2s, 10m or 1h";
};

// One value of the file, and how to report errors in it.
class Value {
public:
    Value(const Node& node, const Path& path, Report& report)
        : node_(&node), path_(&path), report_(&report) {}

    const Node& node() const { return *node_; }
    const Path& path() const { return *path_; }
    Report& report() const { return *report_; }
    Position position() const { return node_->position; }
    bool is_refused() const { return node_->kind == Node::Kind::refused; }

    void error(std::string message) const;
    // "expected X, found ..."; silent for a refused node.
    void expected(const std::string& what) const;

    // Each reports what does not fit and then returns nothing.
    std::optional<std::string_view> text(const std::string& what = "text") const;
    std::optional<std::int64_t> integer(std::int64_t min, std::int64_t max,
                                        const std::string& or_else = "") const;
    std::optional<double> decimal(std::int64_t min, std::int64_t max) const;
    std::optional<bool> boolean() const;
    std::optional<Duration> duration(const DurationRule& rule = {}) const;
    std::optional<std::uint64_t> size_bytes(std::uint64_t min, std::uint64_t max) const;
    std::optional<Endpoint> endpoint() const;
    // An address without a port; the result's port is 0.
    std::optional<Endpoint> ip_address() const;
    std::optional<Network> network() const;
    // The index in `names`.
    std::optional<std::size_t> keyword(const std::vector<std::string_view>& names) const;

private:
    const Node* node_;
    const Path* path_;
    Report* report_;
};

// A keyword and what it stands for.
template <class T>
struct Choice {
    std::string_view name;
    T value;
};

// What a text may be.
struct TextRule {
    std::size_t bytes_max = 255;
    bool is_name = false;  // only A-Z a-z 0-9 _ . -
    bool may_have_controls = false;
};
constexpr TextRule name_rule{64, true};

// Reports what breaks the rule.
bool check_text(const Value& value, std::string_view text, const TextRule& rule);

class Section {
public:
    // Reports a value that is not a map, and entries that are given twice or
    // have no proper name.
    explicit Section(Value value);

    // Reports every entry that no call has named.
    void finish();

    bool is_map() const { return value_.node().kind == Node::Kind::map; }
    bool is_cut() const { return value_.node().is_cut; }
    bool has(std::string_view name) const { return entries_.contains(name); }
    // Of the entry's value, or of the section where there is no such entry.
    Position where(std::string_view name) const;
    Path path_of(std::string_view name) const { return {&value_.path(), name, {}}; }
    std::string did_you_mean(std::string_view word,
                             const std::vector<std::string_view>& known) const {
        return value_.report().did_you_mean(word, known);
    }
    void error(std::string message) const { value_.error(std::move(message)); }
    void error(std::string_view name, std::string message) const;

    // These return whether the entry is there and good; `out` is untouched if not.
    template <std::integral T>
    bool integer(std::string_view name, T& out, std::int64_t min, std::int64_t max) {
        return put(name, out, [&](const Value& value) { return value.integer(min, max); });
    }
    template <std::unsigned_integral T>
    bool size_bytes(std::string_view name, T& out, std::uint64_t min, std::uint64_t max) {
        return put(name, out, [&](const Value& value) { return value.size_bytes(min, max); });
    }
    bool decimal(std::string_view name, double& out, std::int64_t min, std::int64_t max) {
        return put(name, out, [&](const Value& value) { return value.decimal(min, max); });
    }
    bool boolean(std::string_view name, bool& out) {
        return put(name, out, [](const Value& value) { return value.boolean(); });
    }
    bool duration(std::string_view name, Duration& out, const DurationRule& rule = {}) {
        return put(name, out, [&](const Value& value) { return value.duration(rule); });
    }
    bool endpoint(std::string_view name, Endpoint& out) {
        return put(name, out, [](const Value& value) { return value.endpoint(); });
    }
    bool ip_address(std::string_view name, std::optional<Endpoint>& out) {
        return put(name, out, [](const Value& value) { return value.ip_address(); });
    }
    bool text(std::string_view name, std::string& out, const TextRule& rule = {}) {
        return put(name, out, [&](const Value& value) {
            auto text = value.text();
            if (text && !check_text(value, *text, rule)) text.reset();
            return text;
        });
    }
    template <class T>
    bool choice(std::string_view name, T& out, std::initializer_list<Choice<T>> choices) {
        std::vector<std::string_view> names;
        for (const auto& each : choices) names.push_back(each.name);
        return put(name, out, [&](const Value& value) -> std::optional<T> {
            const auto index = value.keyword(names);
            return index ? std::optional((choices.begin() + *index)->value) : std::nullopt;
        });
    }

    // Calls read(Value) for the entry, if there.
    template <class F>
    bool value(std::string_view name, F read) {
        const Node* node = take(name);
        if (node == nullptr) return false;
        const Path path = path_of(name);
        read(Value(*node, path, value_.report()));
        return true;
    }
    // The same for an entry that is a map: read(Section&).
    template <class F>
    bool section(std::string_view name, F read) {
        return value(name, [&](const Value& inner) {
            Section section(inner);
            read(section);
            section.finish();
        });
    }
    // The same for each entry of a list, in order: read(Value).
    template <class F>
    bool list(std::string_view name, F read) {
        return value(name, [&](const Value& inner) {
            if (inner.node().kind != Node::Kind::list) return inner.expected("a list");
            std::size_t index = 0;
            for (const auto& item : inner.node().items) {
                const Path path{&inner.path(), {}, index++};
                read(Value(item, path, inner.report()));
            }
        });
    }
    // The entries of a map whose names are free, in order: read(name, value).
    template <class F>
    void each(F read) {
        for (const auto& [key, node] : order_) {
            entries_.at(key->text).known = true;
            const Path path = path_of(key->text);
            read(Value(*key, path, value_.report()), Value(*node, path, value_.report()));
        }
    }

    // Entries that must be there.
    void need(std::initializer_list<std::string_view> names) const;

private:
    struct Entry {
        const Node* key;
        const Node* node;
        bool known = false;
    };

    // The entry's value, marked as known; nullptr where there is none.
    const Node* take(std::string_view name);
    void add(const Node& key, const Node& node);

    template <class T, class F>
    bool put(std::string_view name, T& out, F read) {
        bool good = false;
        value(name, [&](const Value& inner) {
            if (const auto result = read(inner)) {
                out = static_cast<T>(*result);
                good = true;
            }
        });
        return good;
    }

    const Value value_;
    std::map<std::string_view, Entry> entries_;
    std::vector<std::pair<const Node*, const Node*>> order_;  // without the refused ones
    std::vector<std::string_view> names_;                     // that calls have named
};

// Reports the second of two entries that must differ, with both places.
class Unique {
public:
    explicit Unique(std::string_view what) : what_(what) {}
    void check(const Section& section, std::string_view name, const std::string& spelling);
    // The same, for values that belong to no entry.
    void check(const Value& value, const std::string& spelling);

private:
    const std::string_view what_;
    std::map<std::string, Position> seen_;
};

}  // namespace ringway::conf
