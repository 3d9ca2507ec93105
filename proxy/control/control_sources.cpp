// What comes from DNS and etcd on its way to the pools.
#include <chrono>
#include <utility>

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include "proxy/control/control.h"

namespace ringway::proxy {

namespace {

constexpr std::chrono::seconds look_every{1};

}  // namespace

Sources::Told Control::told_by_sources() {
    return {
        .servers = [this](const std::string& pool, ServerSource source,
                          const std::vector<std::string>* ids) { take_named(pool, source, ids); },
        .hosts = [this](const ServerLayers::HostChanges& hosts) { pools_.set_hosts(hosts); }};
}

ServerLayers::Elsewhere Control::elsewhere() {
    return {
        .servers_of = [this](const conf::Pool& pool) { return sources_.servers_of(pool); },
        .why_no_address = [this](const std::string& host) { return sources_.why_no_address(host); },
        .hosts_change = [this] { want_hosts_soon(); }};
}

// While a configuration changes pools nobody else does; Sources::adopt() tells of all afterwards.
// What did not fit is not among what a source names here: then all is compared.
void Control::take_named(const std::string& name, ServerSource source,
                         const std::vector<std::string>* ids) {
    const Pool* const pool = pools_.find(name);
    if (pool == nullptr || adopting_) return;
    NamedChanges changes;
    if (ids != nullptr && !pools_.layers().misfit(name, source)) {
        changes = sources_.etcd_changes(name, *ids);
    } else {
        auto sourced = sources_.servers_of(pool->settings);
        auto& named = source == ServerSource::dns ? sourced.dns : sourced.etcd;
        if (!named) return;  // nobody has answered yet
        changes = changes_between(pools_.layers().named(name, source), *named);
    }
    const bool did_fit = !pools_.layers().misfit(name, source);
    if (changes.empty() && did_fit) return;
    const auto taken = pools_.change_named(name, source, std::move(changes));
    if (!taken && did_fit) {
        spdlog::error("{}, by {}: its servers stay as they are", taken.error().text,
                      to_string(source));
    }
}

void Control::want_hosts_soon() {
    if (std::exchange(wants_hosts_, true)) return;
    boost::asio::post(io_, [this] {
        wants_hosts_ = false;
        if (!adopting_) sources_.want_hosts(pools_.layers().hosts());
    });
}

void Control::look_at_sources() {
    look_.expires_after(look_every);
    look_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        sources_.look_for_failures();
        look_at_sources();
    });
}

}  // namespace ringway::proxy
