// What is known of names and of sources, for people.
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "proxy/control/sources.h"

namespace ringway::proxy {

const Known* Sources::host(const std::string& host) const {
    return names_.book().find(addresses_of(host));
}

std::string Sources::why_no_address(const std::string& name) const {
    const Known* const known = host(name);
    if (known == nullptr || !known->is_settled()) return name + " is being looked up";
    return fmt::format("{}: {}", name,
                       known->failure ? known->failure->text : "its address is 0.0.0.0");
}

std::vector<std::string> Sources::unknown_in(const conf::Config& next) const {
    std::vector<std::string> lines;
    const auto add = [&lines](const conf::Pool& pool, const std::string& what) {
        lines.push_back(
            fmt::format("pool {}: its servers by {} are looked up by a reload", pool.name, what));
    };
    for (const conf::Pool& pool : next.pools) {
        const auto sourced = servers_of(pool);
        if (const auto question = question_of(pool.servers_from); question && !sourced.dns) {
            add(pool, question->name);
        }
        if (pool.servers_from.etcd && !sourced.etcd) {
            add(pool, "etcd " + pool.servers_from.etcd->prefix);
        }
    }
    return lines;
}

std::vector<SourceView> Sources::views_of(const conf::Pool& pool) const {
    std::vector<SourceView> views;
    const conf::ServersFrom& from = pool.servers_from;
    if (const auto question = question_of(from)) {
        SourceView view{.source = ServerSource::dns,
                        .what = fmt::format("{} {}", from.srv ? "srv" : "dns", question->name)};
        const Known* const known = names_.book().find(*question);
        if (known != nullptr) {
            view.servers = dns_servers(pool, *known, &view.warnings).size();
            view.answered_at = known->answered_at;
            if (known->failure) view.problem = known->failure->text;
        }
        if (known == nullptr || !known->is_settled()) view.problem = "not answered yet";
        views.push_back(std::move(view));
    }
    if (!from.etcd) return views;
    SourceView view{.source = ServerSource::etcd, .what = "etcd " + from.etcd->prefix};
    if (const EtcdServers* const etcd = etcd_of(pool)) {
        const MirrorState& state = etcd->state();
        view.servers = etcd->servers().size();
        // A watch that goes on is news of this moment.
        if (state.kind == MirrorState::Kind::in_sync) {
            view.answered_at = Clock::now();
        } else if (state.last_contact != TimePoint()) {
            view.answered_at = state.last_contact;
        }
        if (state.kind == MirrorState::Kind::lost) view.problem = state.reason;
        if (state.kind == MirrorState::Kind::connecting) view.problem = "not answered yet";
        for (const auto& [id, why] : etcd->skipped()) {
            view.warnings.push_back(fmt::format("{}: {}", id, why));
        }
    }
    views.push_back(std::move(view));
    return views;
}

// Once a second, where anything has been answered: what begins to fail, and what works again.
void Sources::look_for_failures() {
    if (names_.book().counts() == counts_seen_) return;
    counts_seen_ = names_.book().counts();
    std::set<Question> failing;
    std::string first;
    const auto see = [&](const Question& question) {
        const Known* const known = names_.book().find(question);
        if (known == nullptr || !known->failure) return;
        failing.insert(question);
        if (first.empty() && !failing_.contains(question)) {
            first = fmt::format("{}: {}", question.name, known->failure->text);
        }
    };
    for (const auto& [question, pools] : pools_) see(question);
    for (const auto& [host, address] : picked_) see(addresses_of(host));
    for (const std::string& host : hosts_) see(addresses_of(host));
    const std::size_t before = failing_.size();
    const std::size_t now = failing.size();
    failing_ = std::move(failing);
    if (!first.empty()) {
        const std::string text =
            fmt::format("{} names cannot be looked up, of them {}", now, first);
        spdlog::warn("dns: {}; what is known of them serves on", text);
        events_.add(Event::Kind::names_fail, "", "", text);
    } else if (now == 0 && before > 0) {
        spdlog::info("dns: all names can be looked up again");
        events_.add(Event::Kind::names_recover, "", "", "all names can be looked up again");
    }
}

}  // namespace ringway::proxy
