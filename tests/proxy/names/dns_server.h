// A nameserver on 127.0.0.1, over UDP and TCP at one port, that answers as a test says. Lives on
// the loop of the test.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include "conf/endpoint.h"
#include "tests/support/dns_message.h"

namespace ringway::test {

struct DnsQuery {
    std::uint16_t id = 0;
    std::string name;
    std::uint16_t type = 0;
    bool over_tcp = false;
    bool has_edns = false;
};

inline DnsQuery read_query(std::string_view bytes, bool over_tcp) {
    const auto number = [&](std::size_t at) {
        return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes.at(at)) << 8 |
                                          static_cast<unsigned char>(bytes.at(at + 1)));
    };
    DnsQuery query{.id = number(0), .over_tcp = over_tcp, .has_edns = number(10) == 1};
    std::size_t at = 12;
    while (bytes.at(at) != '\0') {
        const auto size = static_cast<std::size_t>(bytes.at(at));
        if (!query.name.empty()) query.name += '.';
        query.name += bytes.substr(at + 1, size);
        at += 1 + size;
    }
    query.type = number(at + 1);
    return query;
}

class DnsServer {
public:
    // The messages that are sent, one after another; none for silence.
    using Answers = std::function<std::vector<std::string>(const DnsQuery&)>;
    using Udp = boost::asio::ip::udp;
    using Tcp = boost::asio::ip::tcp;

    DnsServer(boost::asio::io_context& io, Answers answers, std::uint16_t port = 0)
        : answers_(std::move(answers)), udp_(io), tcp_(io) {
        bind(port);
        receive();
        accept();
    }
    ~DnsServer() { *alive_ = false; }
    DnsServer(const DnsServer&) = delete;
    DnsServer& operator=(const DnsServer&) = delete;

    conf::Endpoint endpoint() const {
        conf::Endpoint where;
        where.address = {127, 0, 0, 1};
        where.port = tcp_.local_endpoint().port();
        return where;
    }
    const std::vector<DnsQuery>& queries() const { return queries_; }

private:
    struct Client {
        explicit Client(Tcp::socket from) : socket(std::move(from)) {}
        Tcp::socket socket;
        std::string in;
        std::string out;
    };

    // A port that is free for both; a given one must be.
    void bind(std::uint16_t port) {
        const auto local = boost::asio::ip::address_v4::loopback();
        for (int attempts = 100;; --attempts) {
            tcp_.open(Tcp::v4());
            tcp_.set_option(Tcp::acceptor::reuse_address(true));
            tcp_.bind({local, port});
            udp_.open(Udp::v4());
            boost::system::error_code error;
            udp_.bind({local, tcp_.local_endpoint().port()}, error);
            if (!error) break;
            BOOST_REQUIRE_MESSAGE(attempts > 0 && port == 0, "no port: " << error.message());
            tcp_.close();
            udp_.close();
        }
        tcp_.listen();
    }

    std::vector<std::string> answer(std::string_view bytes, bool over_tcp) {
        const DnsQuery query = read_query(bytes, over_tcp);
        queries_.push_back(query);
        std::vector<std::string> all = answers_(query);
        if (over_tcp) return all;
        for (std::string& each : all) {
            if (each.size() <= 1232) continue;
            each = dns_answer({.id = query.id, .truncated = true}, query.name, query.type);
        }
        return all;
    }

    void receive() {
        udp_.async_receive_from(
            boost::asio::buffer(datagram_), from_,
            [this, alive = alive_](const boost::system::error_code& error, std::size_t size) {
                if (!*alive) return;
                if (!error) {
                    for (const auto& each : answer({datagram_.data(), size}, false)) {
                        boost::system::error_code ignored;
                        udp_.send_to(boost::asio::buffer(each), from_, 0, ignored);
                    }
                }
                receive();
            });
    }

    void accept() {
        tcp_.async_accept(
            [this, alive = alive_](const boost::system::error_code& error, Tcp::socket socket) {
                if (error || !*alive) return;
                read(std::make_shared<Client>(std::move(socket)));
                accept();
            });
    }

    void read(const std::shared_ptr<Client>& client) {
        client->in.resize(2);
        async_read(client->socket, boost::asio::buffer(client->in),
                   [this, alive = alive_, client](const auto& error, std::size_t) {
                       if (error || !*alive) return;
                       const auto size = static_cast<unsigned char>(client->in[0]) << 8 |
                                         static_cast<unsigned char>(client->in[1]);
                       read_message(client, static_cast<std::size_t>(size));
                   });
    }

    void read_message(const std::shared_ptr<Client>& client, std::size_t size) {
        client->in.resize(size);
        async_read(client->socket, boost::asio::buffer(client->in),
                   [this, alive = alive_, client](const auto& error, std::size_t) {
                       if (error || !*alive) return;
                       client->out.clear();
                       for (const auto& each : answer(client->in, true)) {
                           client->out +=
                               dns_number(static_cast<std::uint32_t>(each.size()), 2) + each;
                       }
                       write(client);
                   });
    }

    void write(const std::shared_ptr<Client>& client) {
        async_write(client->socket, boost::asio::buffer(client->out),
                    [this, alive = alive_, client](const auto& error, std::size_t) {
                        if (!error && *alive) read(client);
                    });
    }

    const Answers answers_;
    std::vector<DnsQuery> queries_;
    Udp::socket udp_;
    Tcp::acceptor tcp_;
    Udp::endpoint from_;
    std::array<char, 4096> datagram_{};
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// One answer with these records; with a code of failure none.
inline std::vector<std::string> reply(const DnsQuery& query,
                                      const std::vector<std::string>& records,
                                      std::uint16_t code = 0) {
    return {dns_answer({.id = query.id, .code = code}, query.name, query.type, records)};
}

}  // namespace ringway::test
