// A Resolver that asks nameservers of the test. Test thread.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/names/resolver.h"
#include "tests/proxy/names/dns_server.h"
#include "tests/proxy/names/rig.h"

namespace ringway::test {

struct ResolverRig : Loop {
    // Serves as the only nameserver from now on.
    void serve(DnsServer::Answers answers) {
        server = std::make_unique<DnsServer>(io, std::move(answers));
        settings.nameservers = {server->endpoint()};
        resolver->set(settings);
    }

    proxy::Answer ask(const proxy::Question& question) {
        std::optional<proxy::Answer> answer;
        resolver->ask(question, [&](proxy::Answer given) {
            BOOST_TEST(!answer);
            answer = std::move(given);
        });
        BOOST_TEST(!answer);  // never within ask()
        run_until([&] { return answer.has_value(); });
        return *answer;
    }

    proxy::NoRecords reason(const proxy::Question& question) {
        const proxy::Answer answer = ask(question);
        BOOST_REQUIRE_MESSAGE(!answer, "it has records: " << text_of(answer));
        return answer.error().reason;
    }

    std::size_t queries(std::uint16_t type) const {
        return static_cast<std::size_t>(
            std::ranges::count(server->queries(), type, &DnsQuery::type));
    }

    std::unique_ptr<DnsServer> server;
    conf::DnsSettings settings{.timeout = conf::Duration(60'000)};
    std::unique_ptr<proxy::Resolver> resolver = std::make_unique<proxy::Resolver>(io);
};

// An address for A, none for the rest.
inline std::vector<std::string> one_address(const DnsQuery& query) {
    if (query.type != type_a) return reply(query, {});
    return reply(query, {a_record(query.name, 60, {10, 0, 0, 1})});
}

inline std::vector<std::string> silence(const DnsQuery&) {
    return {};
}

}  // namespace ringway::test
