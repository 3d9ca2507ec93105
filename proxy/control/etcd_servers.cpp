#include "proxy/control/etcd_servers.h"

#include <utility>

#include <spdlog/spdlog.h>

#include "proxy/control/etcd_server_text.h"
#include "proxy/text/escape.h"

namespace ringway::proxy {

EtcdServers::EtcdServers(boost::asio::io_context& io, const std::string& pool,
                         conf::ServersFrom from, EtcdTools tools, Told told)
    : pool_(pool),
      from_(std::move(from)),
      told_(std::move(told)),
      client_(io, from_.etcd->etcd, std::move(tools)) {
    mirror_ = std::make_unique<EtcdMirror>(
        client_.access(), from_.etcd->prefix,
        EtcdMirror::Events{
            .on_change = [this](std::span<const std::string> ids) { on_change(ids); },
            .on_state = [this](const MirrorState& state) { on_state(state); }});
}

void EtcdServers::read(const std::string& id, const std::string& value) {
    auto server = parse_etcd_server(id, value, from_);
    if (server) {
        skipped_.erase(id);
        servers_.insert_or_assign(id, std::move(*server));
        return;
    }
    servers_.erase(id);
    const auto [at, is_new] = skipped_.insert_or_assign(id, server.error().text);
    spdlog::warn("pool {}: etcd: {}{} is no server: {}", pool_, escaped(from_.etcd->prefix),
                 escaped(id), at->second);
}

// The first time, all that was there before may be there no more.
void EtcdServers::on_change(std::span<const std::string> ids) {
    const auto& copy = mirror_->copy();
    if (!std::exchange(is_known_, true)) {
        for (const auto& [id, value] : copy) read(id, value);
        return told_.servers(nullptr);
    }
    std::vector<std::string> changed(ids.begin(), ids.end());
    for (const std::string& id : changed) {
        if (const auto found = copy.find(id); found != copy.end()) {
            read(id, found->second);
        } else {
            servers_.erase(id);
            skipped_.erase(id);
        }
    }
    told_.servers(&changed);
}

void EtcdServers::on_state(const MirrorState& state) {
    using Kind = MirrorState::Kind;
    // A prefix without keys is an answer too.
    if (state.kind == Kind::in_sync && !is_known_) on_change({});
    if (state.kind != last_ && state.kind == Kind::lost) {
        spdlog::warn("pool {}: etcd is lost, what is known serves on: {}", pool_,
                     escaped(state.reason));
    } else if (state.kind != last_ && state.kind == Kind::in_sync) {
        spdlog::info("pool {}: etcd at {}: {} servers at revision {}", pool_, state.endpoint,
                     servers_.size(), state.revision);
    }
    last_ = state.kind;
}

}  // namespace ringway::proxy
