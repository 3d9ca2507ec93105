#include "conf/routes.h"

#include <algorithm>

#include "conf/config.h"
#include "conf/scalar.h"
#include "conf/sources.h"

namespace ringway::conf {

namespace {

template <class T, class Spell>
void append_list(std::string& text, std::string_view name, std::size_t most,
                 const std::vector<T>& values, Spell spell) {
    if (values.empty()) return;
    text += text.empty() ? "" : "; ";
    text += name;
    for (std::size_t i = 0; i < std::min(most, values.size()); ++i) {
        text += i == 0 ? " " : ", ";
        text += spell(values[i]);
    }
    if (values.size() > most) text += " and " + std::to_string(values.size() - most) + " more";
}

std::string spell_match(const RouteMatch& match, std::size_t most) {
    const auto spell = [](const auto& value) { return value.to_string(); };
    std::string text;
    append_list(text, "sni", most, match.sni, spell);
    append_list(text, "alpn", most, match.alpn, [](const std::string& each) { return each; });
    append_list(text, "source", most, match.source,
                [](const Network& network) { return conf::to_string(network); });
    append_list(text, "destination_port", most, match.destination_port, spell);
    return text.empty() ? "all" : text;
}

}  // namespace

std::optional<PortRange> PortRange::parse(std::string_view text) {
    const auto dash = text.find('-');
    const auto first = parse_port(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    return PortRange{*first, *last};
}

std::string PortRange::to_string() const {
    const std::string text = std::to_string(first);
    return first == last ? text : text + '-' + std::to_string(last);
}

std::optional<NamePattern> NamePattern::parse(std::string_view text) {
    if (text == "*") return NamePattern{.is_suffix = true};
    const bool is_suffix = text.starts_with("*.");
    auto name = parse_host_name(is_suffix ? text.substr(2) : text);
    if (!name) return std::nullopt;
    return NamePattern{std::move(*name), is_suffix};
}

std::string NamePattern::to_string() const {
    if (!is_suffix) return name;
    return name.empty() ? "*" : "*." + name;
}

bool NamePattern::covers(const NamePattern& other) const {
    if (!is_suffix) return !other.is_suffix && name == other.name;
    if (name.empty()) return true;
    if (other.is_suffix && other.name == name) return true;
    return other.name.size() > name.size() && other.name.ends_with(name) &&
           other.name[other.name.size() - name.size() - 1] == '.';
}

std::string RouteMatch::to_string() const {
    return spell_match(*this, names_max);
}

std::string RouteMatch::summary() const {
    return spell_match(*this, 3);
}

std::string to_string(const Network& network) {
    const Endpoint address{.is_v6 = network.is_v6, .address = network.address};
    std::string text = address.to_string();
    text.resize(text.rfind(':'));
    if (network.is_v6) text = text.substr(1, text.size() - 2);
    return text + '/' + std::to_string(network.prefix);
}

std::vector<Endpoint> Listener::addresses() const {
    std::vector<Endpoint> all{bind};
    while (all.back().port < last_port) {
        all.push_back(all.back());
        ++all.back().port;
    }
    return all;
}

std::string Listener::bind_text() const {
    const std::string text = bind.to_string();
    return last_port == 0 ? text : text + '-' + std::to_string(last_port);
}

const std::string* Listener::only_pool() const {
    const bool is_short = routes.size() == 1 && routes.front().match.is_empty();
    return is_short ? &routes.front().pool : nullptr;
}

}  // namespace ringway::conf
