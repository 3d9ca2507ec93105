#include "conf/section.h"

#include <algorithm>

#include "conf/scalar.h"
#include "conf/text.h"

namespace ringway::conf {
namespace {

std::string given_twice(Position first, Position second) {
    return "given twice, at " + to_string(first) + " and " + to_string(second);
}

std::string found(const Node& node) {
    switch (node.kind) {
        case Node::Kind::list:
            return "a list";
        case Node::Kind::map:
            return "a map";
        case Node::Kind::plain:
        case Node::Kind::quoted:
            return quoted(node.text);
        case Node::Kind::null:
        case Node::Kind::refused:
            break;
    }
    return "nothing";
}

bool is_name(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.' || c == '-';
    });
}

}  // namespace

std::string to_string(Position position) {
    return std::to_string(position.line) + ':' + std::to_string(position.column);
}

std::string Report::did_you_mean(std::string_view word,
                                 const std::vector<std::string_view>& known) const {
    if (full()) return "";
    const auto name = nearest(word, known);
    return name ? ", did you mean " + quoted(*name) + "?" : "";
}

void Report::add(Position position, const Path& path, std::string message) {
    if (full()) {
        ++left_out_;
    } else {
        errors_.push_back({position, path.to_string(), std::move(message)});
    }
}

void Report::add(Errors errors) {
    for (auto& each : errors) add(each.position, Path{}, std::move(each.message));
}

Errors Report::take() {
    std::ranges::stable_sort(errors_, [](const Error& a, const Error& b) {
        return std::pair(a.position.line, a.position.column) <
               std::pair(b.position.line, b.position.column);
    });
    if (left_out_ > 0) {
        errors_.push_back({errors_.back().position, "",
                           "and " + std::to_string(left_out_) + " more errors in this file"});
    }
    if (cut_) errors_.push_back(std::move(*cut_));
    return std::move(errors_);
}

std::string Path::to_string() const {
    std::string out = outer == nullptr ? "" : outer->to_string();
    if (index) return out + '[' + std::to_string(*index) + ']';
    if (!is_name(name) || name.size() > name_rule.bytes_max) return out + '[' + quoted(name) + ']';
    if (!out.empty() && !name.empty()) out += '.';
    return out += name;
}

void Value::error(std::string message) const {
    report_->add(position(), *path_, std::move(message));
}

void Value::expected(const std::string& what) const {
    if (!is_refused()) error("expected " + what + ", found " + found(*node_));
}

std::optional<std::string_view> Value::text(const std::string& what) const {
    if (node_->kind == Node::Kind::plain || node_->kind == Node::Kind::quoted) return node_->text;
    expected(what);
    return std::nullopt;
}

std::optional<std::int64_t> Value::integer(std::int64_t min, std::int64_t max,
                                           const std::string& or_else) const {
    std::optional<std::int64_t> value;
    if (node_->kind == Node::Kind::plain) value = parse_integer(node_->text);
    if (value && *value >= min && *value <= max) return value;
    const auto range = "an integer from " + std::to_string(min) + " to " + std::to_string(max);
    const auto what = or_else + (min == max ? std::to_string(min) : range);
    expected(node_->kind == Node::Kind::quoted ? what + " without quotes" : what);
    return std::nullopt;
}

std::optional<double> Value::decimal(std::int64_t min, std::int64_t max) const {
    std::optional<double> value;
    if (node_->kind == Node::Kind::plain) value = parse_decimal(node_->text);
    if (value && *value >= static_cast<double>(min) && *value <= static_cast<double>(max)) {
        return value;
    }
    expected("a number from " + std::to_string(min) + " to " + std::to_string(max) +
             ", as 1.25, with at most six decimals");
    return std::nullopt;
}

std::optional<bool> Value::boolean() const {
    if (node_->kind == Node::Kind::plain && node_->text == "true") return true;
    if (node_->kind == Node::Kind::plain && node_->text == "false") return false;
    expected(node_->kind == Node::Kind::quoted ? "true or false without quotes" : "true or false");
    return std::nullopt;
}

std::optional<Duration> Value::duration(const DurationRule& rule) const {
    const std::string what = "a duration from " + spell(rule.min) + " to " + spell(rule.max) +
                             ", as " + std::string(rule.examples);
    const auto spelling = text(what);
    if (!spelling) return std::nullopt;
    const auto value = parse_duration(*spelling);
    if (value && *value >= rule.min && *value <= rule.max) return value;
    expected(what);
    return std::nullopt;
}

std::optional<std::uint64_t> Value::size_bytes(std::uint64_t min, std::uint64_t max) const {
    const std::string what = "a size from " + spell_size_bytes(min) + " to " +
                             spell_size_bytes(max) + ", as 100B, 64KiB or 1MiB";
    const auto spelling = text(what);
    if (!spelling) return std::nullopt;
    const auto value = parse_size_bytes(*spelling);
    if (value && *value >= min && *value <= max) return value;
    expected(what);
    return std::nullopt;
}

std::optional<Endpoint> Value::endpoint() const {
    const std::string what =
        R"(an IP address and a port, as 192.0.2.1:80 or, in quotes, "[2001:db8::1]:80", or )"
        "unix:/path";
    const auto spelling = text(what);
    if (!spelling) return std::nullopt;
    auto value = Endpoint::parse(*spelling);
    if (!value) expected(what);
    return value;
}

std::optional<Endpoint> Value::ip_address() const {
    const std::string what = "an IP address, as 192.0.2.1 or 2001:db8::1";
    const auto spelling = text(what);
    if (!spelling) return std::nullopt;
    auto value = Endpoint::parse_address(*spelling);
    if (!value) expected(what);
    return value;
}

std::optional<Network> Value::network() const {
    const std::string what =
        "a network without bits beyond its prefix, as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.1";
    const auto spelling = text(what);
    if (!spelling) return std::nullopt;
    auto value = Network::parse(*spelling);
    if (!value) expected(what);
    return value;
}

std::optional<std::size_t> Value::keyword(const std::vector<std::string_view>& names) const {
    const std::string what = "one of " + joined(names);
    const auto word = text(what);
    if (!word) return std::nullopt;
    const auto name = std::ranges::find(names, *word);
    if (name != names.end()) return static_cast<std::size_t>(name - names.begin());
    error("expected " + what + ", found " + quoted(*word) + report_->did_you_mean(*word, names));
    return std::nullopt;
}

bool check_text(const Value& value, std::string_view text, const TextRule& rule) {
    // The text itself is not repeated: it may be a secret.
    const auto size = "1 to " + std::to_string(rule.bytes_max);
    if (rule.is_name && (!is_name(text) || text.empty() || text.size() > rule.bytes_max)) {
        value.error("expected " + size + " of the characters A-Z a-z 0-9 _ . -, found " +
                    quoted(text));
        return false;
    }
    if (text.empty() || text.size() > rule.bytes_max) {
        value.error("expected " + size + " bytes, found " + std::to_string(text.size()));
        return false;
    }
    if (has_control(text) && !rule.may_have_controls) {
        value.error("expected text without control characters");
        return false;
    }
    return true;
}

Section::Section(Value value) : value_(value) {
    const auto& node = value_.node();
    if (node.kind != Node::Kind::map) value_.expected("a map");
    for (std::size_t i = 0; is_map() && i + 1 < node.items.size(); i += 2) {
        add(node.items[i], node.items[i + 1]);
    }
}

void Section::add(const Node& key, const Node& node) {
    if (key.kind == Node::Kind::refused) return;
    const Value name(key, value_.path(), value_.report());
    if (!name.text("the name of an entry")) return;
    if (key.kind == Node::Kind::plain && key.text == "<<") {
        return name.error("merge keys (<<) are not supported: write the entries out");
    }
    const auto [first, added] = entries_.try_emplace(key.text, Entry{&key, &node});
    if (added) {
        order_.emplace_back(&key, &node);
    } else {
        value_.report().add(key.position, path_of(key.text),
                            given_twice(first->second.key->position, key.position));
    }
}

void Section::finish() {
    for (const auto& [name, entry] : entries_) {
        if (entry.known) continue;
        const auto hint = did_you_mean(name, names_);
        value_.report().add(
            entry.key->position, path_of(name),
            "unknown entry" + (hint.empty() ? ", known here: " + joined(names_) : hint));
    }
}

Position Section::where(std::string_view name) const {
    const auto entry = entries_.find(name);
    return entry == entries_.end() ? value_.position() : entry->second.node->position;
}

void Section::error(std::string_view name, std::string message) const {
    value_.report().add(where(name), path_of(name), std::move(message));
}

const Node* Section::take(std::string_view name) {
    if (std::ranges::find(names_, name) == names_.end()) names_.push_back(name);
    const auto entry = entries_.find(name);
    if (entry == entries_.end()) return nullptr;
    entry->second.known = true;
    return entry->second.node;
}

void Section::need(std::initializer_list<std::string_view> names) const {
    if (!is_map() || value_.node().is_cut) return;
    for (const auto name : names) {
        if (!has(name)) value_.error("the entry " + quoted(name) + " is missing");
    }
}

void Unique::check(const Section& section, std::string_view name, const std::string& spelling) {
    const auto [first, added] = seen_.try_emplace(spelling, section.where(name));
    if (added) return;
    section.error(name, std::string(what_) + ' ' + quoted(spelling) + ' ' +
                            given_twice(first->second, section.where(name)));
}

void Unique::check(const Value& value, const std::string& spelling) {
    const auto [first, added] = seen_.try_emplace(spelling, value.position());
    if (!added)
        value.error(std::string(what_) + ' ' + given_twice(first->second, value.position()));
}

}  // namespace ringway::conf
