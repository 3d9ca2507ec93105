#include "proxy/control/sources.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "proxy/names/services.h"

namespace ringway::proxy {

namespace asio = boost::asio;

namespace {

// Between looks at whether members of etcd have answered.
constexpr std::chrono::milliseconds settle_step{10};

conf::Server made(std::string id, conf::ServerAddress address, std::uint32_t weight,
                  const conf::ServersFrom& from) {
    conf::Server server;
    server.id = std::move(id);
    server.address = std::move(address);
    server.weight = weight;
    server.max_connections = from.max_connections;
    if (from.check_port != 0) {
        server.check_address = server.address.endpoint;
        server.check_address->port = from.check_port;
    }
    return server;
}

// Without the port, which is not what makes it another server.
std::string id_of(const conf::Endpoint& address) {
    const std::string text = address.to_string();
    return address.is_v6 ? text.substr(1, text.rfind(']') - 1) : text.substr(0, text.rfind(':'));
}

const conf::Pool* find(const conf::Config& config, const std::string& name) {
    const auto found = std::ranges::find(config.pools, name, &conf::Pool::name);
    return found == config.pools.end() ? nullptr : &*found;
}

}  // namespace

Sources::Sources(asio::io_context& io, Events& events, Told told)
    : io_(io),
      events_(events),
      told_(std::move(told)),
      names_(io, [this](const std::vector<Question>& changed) { on_names(changed); }),
      resolver_(io) {}

void Sources::stop() {
    names_.stop();
    resolver_.stop();
    etcd_.clear();
    next_etcd_.clear();
}

std::optional<Question> Sources::question_of(const conf::ServersFrom& from) {
    if (from.srv) return Question{Question::Kind::services, from.srv->name};
    if (from.dns) return addresses_of(from.dns->name.host);
    return std::nullopt;
}

void Sources::add_questions(const conf::Config& config, PoolsByQuestion& to) {
    for (const conf::Pool& pool : config.pools) {
        if (const auto question = question_of(pool.servers_from)) to[*question].insert(pool.name);
    }
}

// The targets of services are hosts before they are servers': so their addresses come as soon as
// they do.
void Sources::want() {
    std::set<Question> wanted;
    std::set<std::string> hosts = hosts_;
    hosts.insert(next_hosts_.begin(), next_hosts_.end());
    for (const auto& [question, pools] : pools_) {
        wanted.insert(question);
        const Known* const known = names_.book().find(question);
        if (known == nullptr) continue;
        for (const auto& service : known->services) hosts.insert(service.record.target);
    }
    for (const std::string& host : hosts) wanted.insert(addresses_of(host));
    names_.want(wanted);
    look_up_hosts(hosts);
}

// Which address of each host is used, as far as that changes.
void Sources::look_up_hosts(const std::set<std::string>& hosts) {
    ServerLayers::HostChanges changes;
    std::erase_if(picked_, [&](const auto& entry) {
        const bool leaves = !hosts.contains(entry.first);
        if (leaves) changes.emplace(entry.first, std::nullopt);
        return leaves;
    });
    for (const std::string& host : hosts) {
        const Known* const known = names_.book().find(addresses_of(host));
        if (known == nullptr) continue;
        const auto found = picked_.find(host);
        const auto current = found == picked_.end() ? std::nullopt : std::optional(found->second);
        const auto picked = pick(*known, current);
        if (!picked || picked == current) continue;
        picked_.insert_or_assign(host, *picked);
        changes.emplace(host, *picked);
    }
    if (!changes.empty()) told_.hosts(changes);
}

void Sources::on_names(const std::vector<Question>& changed) {
    std::set<std::string> hosts;
    bool has_services = false;
    for (const Question& question : changed) {
        if (const auto found = pools_.find(question); found != pools_.end()) {
            for (const std::string& pool : found->second) {
                told_.servers(pool, ServerSource::dns, nullptr);
            }
        }
        if (question.kind == Question::Kind::addresses) hosts.insert(question.name);
        has_services = has_services || question.kind == Question::Kind::services;
    }
    if (has_services || !hosts.empty()) want();
}

void Sources::want_hosts(std::set<std::string> hosts) {
    if (hosts == hosts_) return;
    hosts_ = std::move(hosts);
    want();
}

asio::awaitable<void> Sources::prepare(const conf::Config& next, const EtcdTlsClients& tls,
                                       std::set<std::string> hosts, Clock::duration limit) {
    names_.set(next.dns);
    resolver_.set(next.dns);
    add_questions(next, pools_);
    next_hosts_ = std::move(hosts);
    prepare_etcd(next, tls);
    const TimePoint until = Clock::now() + limit;
    want();
    co_await names_.settled(until - Clock::now());
    want();  // targets of services
    co_await names_.settled(std::max(until - Clock::now(), Clock::duration::zero()));
    co_await etcd_settled(until);
}

void Sources::prepare_etcd(const conf::Config& next, const EtcdTlsClients& tls) {
    next_etcd_.clear();
    for (const conf::Pool& pool : next.pools) {
        if (!pool.servers_from.etcd) continue;
        const auto serving = etcd_.find(pool.name);
        const EtcdServers* const before = serving == etcd_.end() ? nullptr : serving->second.get();
        // Its files have been read again.
        const bool goes_on = before != nullptr && before->from() == pool.servers_from &&
                             !pool.servers_from.etcd->etcd.tls;
        if (goes_on) continue;
        const auto client = tls.find(pool.name);
        next_etcd_[pool.name] = std::make_unique<EtcdServers>(
            io_, pool.name, pool.servers_from,
            EtcdTools{
                .resolve = [this](const std::string& host,
                                  EtcdTools::Resolved then) { resolve(host, std::move(then)); },
                .tls = client == tls.end() ? nullptr : client->second},
            EtcdServers::Told{
                .servers = [this, name = pool.name](const std::vector<std::string>* ids) {
                    if (!next_etcd_.contains(name)) told_.servers(name, ServerSource::etcd, ids);
                }});
    }
}

void Sources::resolve(const std::string& host, EtcdTools::Resolved then) {
    resolver_.ask(addresses_of(host), [then = std::move(then)](const Answer& answer) {
        if (answer) return then(answer->addresses);
        then(Reason(answer.error().text));
    });
}

asio::awaitable<void> Sources::etcd_settled(TimePoint until) {
    const auto waits = [this] {
        return std::ranges::any_of(next_etcd_,
                                   [](const auto& each) { return !each.second->is_settled(); });
    };
    asio::steady_timer pause(io_);
    while (waits() && Clock::now() < until) {
        pause.expires_after(settle_step);
        co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

void Sources::adopt(const conf::Config& config, std::set<std::string> hosts) {
    names_.set(config.dns);
    resolver_.set(config.dns);
    pools_.clear();
    add_questions(config, pools_);
    for (auto& [name, next] : next_etcd_) {
        if (const conf::Pool* const pool = find(config, name);
            pool != nullptr && pool->servers_from == next->from()) {
            etcd_[name] = std::move(next);
        }
    }
    next_etcd_.clear();
    std::erase_if(etcd_, [&](const auto& entry) {
        const conf::Pool* const pool = find(config, entry.first);
        return pool == nullptr || pool->servers_from != entry.second->from();
    });
    hosts_ = std::move(hosts);
    next_hosts_.clear();
    want();
    // What has changed since their servers were taken up.
    for (const conf::Pool& pool : config.pools) {
        if (question_of(pool.servers_from)) told_.servers(pool.name, ServerSource::dns, nullptr);
        if (pool.servers_from.etcd) told_.servers(pool.name, ServerSource::etcd, nullptr);
    }
}

NamedServers Sources::dns_servers(const conf::Pool& pool, const Known& known,
                                  std::vector<std::string>* warnings) {
    const conf::ServersFrom& from = pool.servers_from;
    NamedServers servers;
    if (from.srv) {
        std::vector<Service> services;
        for (const auto& used : known.services) services.push_back(used.record);
        ServiceServers found = servers_of_services(services, *from.srv);
        for (ServiceServer& each : found.servers) {
            servers.emplace(each.id,
                            made(each.id, conf::ServerAddress(each.at), each.weight, from));
        }
        if (warnings != nullptr) *warnings = std::move(found.warnings);
        return servers;
    }
    for (const auto& used : known.addresses) {
        conf::Endpoint address = used.record;
        address.port = from.dns->name.port;
        const std::string id = id_of(address);
        servers.emplace(id, made(id, address, 1, from));
    }
    return servers;
}

const EtcdServers* Sources::etcd_of(const conf::Pool& pool) const {
    for (const auto* each : {&next_etcd_, &etcd_}) {
        const auto found = each->find(pool.name);
        if (found != each->end() && found->second->from() == pool.servers_from) {
            return found->second.get();
        }
    }
    return nullptr;
}

EtcdServers* Sources::etcd_of(const std::string& pool) {
    const auto found = etcd_.find(pool);
    return found == etcd_.end() ? nullptr : found->second.get();
}

ServerLayers::Sourced Sources::servers_of(const conf::Pool& pool) const {
    ServerLayers::Sourced sourced;
    if (const auto question = question_of(pool.servers_from)) {
        const Known* const known = names_.book().find(*question);
        if (known != nullptr && known->answered_at) {
            sourced.dns = dns_servers(pool, *known, nullptr);
        }
    }
    const EtcdServers* const etcd = etcd_of(pool);
    if (etcd != nullptr && etcd->is_known()) sourced.etcd = etcd->servers();
    return sourced;
}

NamedChanges Sources::etcd_changes(const std::string& pool,
                                   const std::vector<std::string>& ids) const {
    NamedChanges changes;
    const auto etcd = etcd_.find(pool);
    if (etcd == etcd_.end()) return changes;
    const NamedServers& servers = etcd->second->servers();
    for (const std::string& id : ids) {
        const auto found = servers.find(id);
        changes.insert_or_assign(
            id, found == servers.end() ? std::nullopt : std::optional(found->second));
    }
    return changes;
}

}  // namespace ringway::proxy
