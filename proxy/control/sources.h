// What pools have from elsewhere: servers that DNS or etcd names, and the addresses of hosts. Asks
// them, keeps what is known, and tells of each change; what becomes of it is ServerLayers'. A
// failure takes nothing away. Control thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/control/etcd_servers.h"
#include "proxy/control/events.h"
#include "proxy/control/server_layers.h"
#include "proxy/control/tls_files.h"
#include "proxy/names/names.h"
#include "proxy/names/resolver.h"

namespace ringway::proxy {

// How a source of servers is doing, for reports.
struct SourceView {
    ServerSource source = ServerSource::dns;
    std::string what;                      // "srv _redis._tcp.example"
    std::size_t servers = 0;               // that it names
    std::optional<TimePoint> answered_at;  // when it was last known to be so; none: never
    std::optional<std::string> problem;    // why it is not known now
    std::vector<std::string> warnings;     // of what it says
};

class Sources {
public:
    struct Told {
        // Servers of a pool's source are others: these, or any where nothing is given.
        std::function<void(const std::string& pool, ServerSource source,
                           const std::vector<std::string>* ids)>
            servers;
        std::function<void(const ServerLayers::HostChanges&)> hosts;
    };

    // `events` outlives this.
    Sources(boost::asio::io_context& io, Events& events, Told told);

    // Asks for all that `next` needs too, and returns once each question has had an answer, a
    // failure included, or `limit` has passed. `hosts` are those of servers now and then.
    boost::asio::awaitable<void> prepare(const conf::Config& next, const EtcdTlsClients& tls,
                                         std::set<std::string> hosts, Clock::duration limit);
    // `config` serves, or serves on: what it does not need is asked for no more.
    void adopt(const conf::Config& config, std::set<std::string> hosts);
    // Servers are at these hosts now.
    void want_hosts(std::set<std::string> hosts);

    // What is known now.
    ServerLayers::Sourced servers_of(const conf::Pool& pool) const;
    NamedChanges etcd_changes(const std::string& pool, const std::vector<std::string>& ids) const;
    // A line for each source of which nothing is known: a plan says nothing of its servers.
    std::vector<std::string> unknown_in(const conf::Config& next) const;
    std::string why_no_address(const std::string& name) const;
    std::vector<SourceView> views_of(const conf::Pool& pool) const;
    const Known* host(const std::string& host) const;
    const NameBook& book() const { return names_.book(); }
    // The cluster that names a pool's servers; nullptr for none.
    EtcdServers* etcd_of(const std::string& pool);
    // For members of etcd that are named.
    void resolve(const std::string& host, EtcdTools::Resolved then);

    // Logs what begins to fail, and what works again.
    void look_for_failures();
    void stop();

private:
    using PoolsByQuestion = std::map<Question, std::set<std::string>>;

    static std::optional<Question> question_of(const conf::ServersFrom& from);
    static Question addresses_of(const std::string& host) {
        return {Question::Kind::addresses, host};
    }
    static void add_questions(const conf::Config& config, PoolsByQuestion& to);
    static NamedServers dns_servers(const conf::Pool& pool, const Known& known,
                                    std::vector<std::string>* warnings);
    void want();
    void look_up_hosts(const std::set<std::string>& hosts);
    void on_names(const std::vector<Question>& changed);
    void prepare_etcd(const conf::Config& next, const EtcdTlsClients& tls);
    boost::asio::awaitable<void> etcd_settled(TimePoint until);
    const EtcdServers* etcd_of(const conf::Pool& pool) const;

    boost::asio::io_context& io_;
    Events& events_;
    const Told told_;
    Names names_;
    Resolver resolver_;                             // of the members of etcd clusters
    PoolsByQuestion pools_;                         // of what serves, and of what is being prepared
    std::set<std::string> hosts_;                   // that servers are at, the same
    std::set<std::string> next_hosts_;              // of a configuration that is being prepared
    std::map<std::string, conf::Endpoint> picked_;  // by host: the address that is used
    std::map<std::string, std::unique_ptr<EtcdServers>, std::less<>> etcd_;       // by pool
    std::map<std::string, std::unique_ptr<EtcdServers>, std::less<>> next_etcd_;  // prepared
    std::set<Question> failing_;  // as last looked at
    AnswerCounts counts_seen_;    // the same
};

}  // namespace ringway::proxy
