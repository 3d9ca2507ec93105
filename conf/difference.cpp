#include "conf/difference.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "conf/entries.h"
#include "conf/section.h"

namespace ringway::conf {
namespace {

std::string summary_of(const Listener& listener) {
    const char* const tls = listener.tls ? ", TLS" : "";
    const auto* const pool = listener.only_pool();
    const std::string to = pool != nullptr
                               ? "pool " + *pool
                               : std::to_string(listener.routes.size()) +
                                     (listener.routes.size() == 1 ? " route" : " routes");
    return listener.bind_text() + " to " + to + tls;
}

std::string summary_of(const Server& server) {
    std::string text = server.address.to_string();
    if (server.weight != Server{}.weight) text += ", weight " + std::to_string(server.weight);
    return text;
}

std::string summary_of(const Pool& pool) {
    const char* const tls = pool.tls ? ", TLS" : "";
    return std::to_string(pool.servers.size()) +
           (pool.servers.size() == 1 ? " server" : " servers") + tls;
}

const std::string& name_of(const Server& server) {
    return server.id;
}
template <class Named>
const std::string& name_of(const Named& named) {
    return named.name;
}

template <class Named>
std::map<std::string_view, const Named*> by_name(const std::vector<Named>& all) {
    std::map<std::string_view, const Named*> found;
    for (const Named& each : all) found.emplace(name_of(each), &each);
    return found;
}

class Comparison {
public:
    std::vector<Difference> take() { return std::move(found_); }

    void compare(const std::string& path, const Entries& before, const Entries& after) {
        const auto path_of = [&](const std::string& name) {
            return path.empty() ? name : path + '.' + name;
        };
        std::map<std::string_view, std::pair<const Entry*, const Entry*>> all;
        for (const auto& [name, entry] : before) all[name].first = &entry;
        for (const auto& [name, entry] : after) all[name].second = &entry;
        for (const auto& [name, pair] : all) {
            const auto& [old, now] = pair;
            if (old != nullptr && now != nullptr && old->value == now->value) continue;
            Difference difference{.path = path_of(std::string(name))};
            if (old != nullptr) difference.before = old->shown();
            if (now != nullptr) difference.after = now->shown();
            difference.needs_restart = (old != nullptr ? old : now)->needs_restart;
            found_.push_back(std::move(difference));
        }
    }

    // Lists of things that have names; `inside` compares two of one name.
    template <class Named, class Inside>
    void compare(const Path& list, const std::vector<Named>& before,
                 const std::vector<Named>& after, Inside inside) {
        const auto old = by_name(before);
        const auto now = by_name(after);
        std::map<std::string_view, std::pair<const Named*, const Named*>> all;
        for (const auto& [name, each] : old) all[name].first = each;
        for (const auto& [name, each] : now) all[name].second = each;
        for (const auto& [name, pair] : all) {
            const Path path{&list, name, {}};
            const auto& [from, to] = pair;
            if (from != nullptr && to != nullptr) {
                compare(path.to_string(), entries_of(*from), entries_of(*to));
                inside(path, *from, *to);
                continue;
            }
            Difference difference{.path = path.to_string()};
            if (from != nullptr) difference.before = summary_of(*from);
            if (to != nullptr) difference.after = summary_of(*to);
            found_.push_back(std::move(difference));
        }
    }

private:
    std::vector<Difference> found_;
};

}  // namespace

std::string to_string(const Difference& difference) {
    const auto& [path, before, after, needs_restart] = difference;
    if (!before) return "+ " + path + ": " + after.value_or("");
    if (!after) return "- " + path + ": " + *before;
    return "~ " + path + ": " + *before + " -> " + *after;
}

std::vector<Difference> difference(const Config& before, const Config& after) {
    constexpr auto nothing = [](const Path&, const auto&, const auto&) {};
    Comparison comparison;
    const Path listeners{nullptr, "listeners", {}};
    const Path pools{nullptr, "pools", {}};
    comparison.compare(listeners, before.listeners, after.listeners, nothing);
    comparison.compare(
        pools, before.pools, after.pools, [&](const Path& path, const Pool& old, const Pool& now) {
            comparison.compare(Path{&path, "servers", {}}, old.servers, now.servers, nothing);
        });
    auto all = comparison.take();
    std::ranges::move(process_difference(before, after), std::back_inserter(all));
    return all;
}

std::vector<Difference> process_difference(const Config& before, const Config& after) {
    Comparison comparison;
    comparison.compare("", entries_of(before), entries_of(after));
    return comparison.take();
}

namespace {

void write(std::string& text, const std::string& path, const Entries& entries) {
    for (const auto& [name, entry] : entries) {
        text += path + std::to_string(name.size()) + ':' + name +
                std::to_string(entry.value.size()) + ':' + entry.value + '\n';
    }
}

}  // namespace

std::string all_entries(const Config& config) {
    Config shared = config;
    if (shared.fleet) shared.fleet->name.clear();
    std::string text;
    write(text, "", entries_of(shared));
    for (const Listener& each : config.listeners) {
        write(text, "listener " + each.name + ' ', entries_of(each));
    }
    for (const Pool& pool : config.pools) {
        write(text, "pool " + pool.name + ' ', entries_of(pool));
        for (const Server& each : pool.servers) {
            write(
                text,
                "server " + pool.name + ' ' + std::to_string(each.id.size()) + ':' + each.id + ' ',
                entries_of(each));
        }
    }
    return text;
}

}  // namespace ringway::conf
