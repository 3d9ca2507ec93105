// A channel of c-ares on an io_context: queries to the nameservers of its settings, each of them
// some times, the next after a timeout. Over UDP with EDNS (RFC 6891), over TCP where an answer is
// truncated. Never waits, but for reading the hosts file. Lives on one io_context: every call, and
// every callback, on its thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "conf/endpoint.h"
#include "conf/sources.h"
#include "proxy/names/answer.h"

struct ares_channeldata;

namespace ringway::proxy {

class Channel {
public:
    // What becomes of answers SERVFAIL, NOTIMP and REFUSED. c-ares asks the next nameserver, and
    // forgets the code: where no other answers, the status is ARES_ECONNREFUSED, as if none had
    // been reached. Or it takes the first answer, whatever it is.
    enum class Errors : std::uint8_t { ask_next, take };

    // `status` is one of c-ares, `message` the answer where that is ARES_SUCCESS. Must not destroy
    // the Channel.
    using OnReply = std::function<void(int status, std::string_view message)>;

    // Without nameservers in `settings`: those of resolv.conf(5), as it is now.
    Channel(boost::asio::io_context& io, const conf::DnsSettings& settings, Errors errors);
    // Queries under way are dropped: nothing is called back.
    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    // May call back at once.
    void query(const std::string& name, RecordType type, OnReply on_reply);

    // The addresses of `name` in the hosts file, of one family or both; sorted, nothing twice.
    std::vector<conf::Endpoint> in_hosts_file(const std::string& name,
                                              conf::DnsSettings::Family family);

    // What to ask for where a person writes `name`: itself, and with each domain of the search list
    // (resolv.conf(5), "search" and "ndots"), in their order.
    std::vector<std::string> candidates(const std::string& name) const;

private:
    struct Socket;

    void open(const conf::DnsSettings& settings, Errors errors);
    void read_search_list();
    void on_socket_state(int fd, bool readable, bool writable);
    void watch(int fd, const std::shared_ptr<Socket>& socket);
    void wait(int fd, const std::shared_ptr<Socket>& socket, bool to_write);
    void on_ready(int fd, const std::shared_ptr<Socket>& socket, bool to_write);
    void set_alarm();

    boost::asio::io_context& io_;
    ares_channeldata* channel_ = nullptr;  // none if c-ares had no memory
    std::vector<std::string> search_;
    std::size_t dots_min_ = 1;  // a name with so many is asked for as it is first
    std::map<int, std::shared_ptr<Socket>> sockets_;  // of c-ares, which closes them
    boost::asio::steady_timer alarm_;
    std::shared_ptr<int> alive_ = std::make_shared<int>();  // handlers outlive this
};

}  // namespace ringway::proxy
