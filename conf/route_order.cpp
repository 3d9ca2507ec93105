#include "conf/route_order.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace ringway::conf {

namespace {

bool covers(const std::string& a, const std::string& b) {
    return a == b;
}

bool covers(const PortRange& a, const PortRange& b) {
    return a.first <= b.first && b.last <= a.last;
}

bool covers(const Network& a, const Network& b) {
    const Endpoint address{.is_v6 = b.is_v6, .address = b.address};
    return a.is_v6 == b.is_v6 && a.prefix <= b.prefix && a.contains(address);
}

// Whether whatever fits one of `inner` fits one of `outer`; an empty list fits all.
template <class T>
bool covers(const std::vector<T>& outer, const std::vector<T>& inner) {
    if (outer.empty()) return true;
    return !inner.empty() && std::ranges::all_of(inner, [&](const T& each) {
        return std::ranges::any_of(outer, [&](const T& other) { return covers(other, each); });
    });
}

bool covers_but_names(const RouteMatch& outer, const RouteMatch& inner) {
    return covers(outer.alpn, inner.alpn) && covers(outer.source, inner.source) &&
           covers(outer.destination_port, inner.destination_port);
}

template <class Names>
const std::vector<std::size_t>* find_in(const Names& names, std::string_view name) {
    const auto found = names.find(name);
    return found == names.end() ? nullptr : &found->second;
}

}  // namespace

std::optional<std::size_t> RouteOrder::first_of(const Indices* some,
                                                const RouteMatch& match) const {
    if (some == nullptr) return std::nullopt;
    for (const std::size_t index : *some) {
        if (covers_but_names(all_[index], match)) return index;
    }
    return std::nullopt;
}

std::optional<std::size_t> RouteOrder::before(const RouteMatch& match) const {
    return first_of(&nameless_, match);
}

std::optional<std::size_t> RouteOrder::before(const RouteMatch& match,
                                              const NamePattern& name) const {
    std::optional<std::size_t> first;
    const auto look = [&](const Indices* some) {
        const auto found = first_of(some, match);
        if (found && (!first || *found < *first)) first = found;
    };
    if (!name.is_suffix) look(find_in(exact_, name.name));
    look(find_in(suffixes_, ""));
    // Of a name, what stands behind each of its dots; of a suffix, itself too.
    std::string_view rest = name.name;
    if (name.is_suffix && !rest.empty()) look(find_in(suffixes_, rest));
    for (auto dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
        rest.remove_prefix(dot + 1);
        look(find_in(suffixes_, rest));
    }
    return first;
}

void RouteOrder::add(RouteMatch match) {
    const std::size_t index = all_.size();
    if (match.sni.empty()) nameless_.push_back(index);
    for (const NamePattern& each : match.sni) {
        (each.is_suffix ? suffixes_ : exact_)[each.name].push_back(index);
    }
    all_.push_back(std::move(match));
}

}  // namespace ringway::conf
